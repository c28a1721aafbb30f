"""The documentation site is built without a warning, and its links lead somewhere."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

if importlib.util.find_spec('mkdocstrings') is None:
    pytest.skip(
        'the site needs the packages of requirements/docs.txt, which are not installed',
        allow_module_level=True,
    )


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp('site')
    command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', str(folder)]
    environment = {**os.environ, 'NO_MKDOCS_2_WARNING': '1'}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def page(site, address):
    return (site / address / 'index.html').read_text(encoding='utf-8')


def test_every_page_of_the_documents_is_in_the_navigation(site):
    overview = page(site, '')
    for path in (ROOT / 'docs').rglob('*.md'):
        address = path.relative_to(ROOT / 'docs').with_suffix('').as_posix()
        assert f'href="{address}/"' in overview, f'{path} is not in the nav of mkdocs.yml'


def test_the_reference_shows_types_of_the_signature_and_runs_of_examples(site):
    html = page(site, 'reference/functional/cpal')
    text = re.sub(r'<[^>]+>', '', html)
    assert re.search(r'tau\s*\(float\)\s*–\s*Only pixels with cam &gt; tau count', text)
    examples = re.search(r'cluster_means.*?Examples:(.*?)Source code', text, re.DOTALL)
    assert examples and '&gt;&gt;&gt; cluster_means(' in examples[1]


def test_names_and_files_between_back_quotes_lead_to_the_reference(site):
    html = page(site, 'methods/cpal')
    target = r'href="[./]*reference/functional/cpal/#mmwsss\.functional\.cpal'
    names = re.sub(r'<wbr>', '', html)  # where a name in a table may break
    assert re.search(target + r'\.instance_prototypes"[^>]*>\s*<code>instance_prototypes<', names)
    assert re.search(target + r'"[^>]*>\s*<code>mmwsss/functional/cpal.py<', names)


def test_the_readme_is_the_first_page_and_its_links_stay_in_the_site(site):
    html = page(site, '')
    assert 'href="own_images/"' in html
    assert 'href="LICENSE.txt"' in html and (site / 'LICENSE.txt').is_file()
    assert 'docs/' not in ''.join(re.findall(r'(?:href|src)="([^"]*)"', html))


def test_the_notebook_is_a_page_with_its_pictures(site):
    html = page(site, 'notebook')
    assert re.search(r'class="k">def</span>.*show', html)
    pictures = re.findall(r'<img[^>]+src="([^"]+)"', html)
    assert pictures
    for picture in pictures:
        assert (site / 'notebook' / picture).read_bytes().startswith(b'\xff\xd8')  # a JPEG


def test_no_markup_is_left_over(site):
    for path in site.rglob('*.html'):
        html = re.search(r'<article.*</article>', path.read_text(encoding='utf-8'), re.DOTALL)
        prose = re.sub(
            r'<(pre|code|details)\b.*?</\1>', '', html[0] if html else '', flags=re.DOTALL
        )
        text = re.sub(r'<[^>]+>', '', prose)
        left = re.findall(
            r'.{0,30}(?:`|\*\*|::$|&gt;&gt;&gt;|\]\(|\]\[).{0,30}', text, re.MULTILINE
        )
        assert not left, f'{path.relative_to(site)}: {left}'


def test_no_page_fetches_a_script_a_style_or_a_font_from_elsewhere(site):
    for path in site.rglob('*.html'):
        html = path.read_text(encoding='utf-8')
        fetched = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', html)
        assert not fetched, f'{path}: {fetched}'
