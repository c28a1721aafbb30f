"""Pages of the site that are no files in docs/: README and the like, and the API reference.

MkDocs calls the functions that begin with `on_` (`hooks` in mkdocs.yml).
"""

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))  # loaded by path, not as a package
from names import PACKAGE, ROOT, link_names, modules, summary_of
from notebook import notebook_page

# files of the repository that are pages of the site, too
PAGES = {
    'README.md': 'index.md',
    'CHANGELOG.md': 'changelog.md',
    'CONTRIBUTING.md': 'contributing.md',
    'SECURITY.md': 'security.md',
}
NOTEBOOKS = {
    'examples/toy_scenes.ipynb': 'notebook.md',
    'examples/own_images.ipynb': 'own_images_notebook.md',
}
COPIED = {'LICENSE': 'LICENSE.txt', 'CITATION.cff': 'CITATION.cff.txt'}
_CELL = re.compile(r'<td.*?</td>', re.DOTALL)
_CODE = re.compile(r'<code>([^<]+)</code>')
_WORD_END = re.compile(r'(?<=[_/.:])(?=\w)')
LINK = re.compile(r'(?<=\]\()(?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?(?=\))')


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the reference into the navigation, before the last tab."""
    assert config.nav is not None
    config.nav.insert(-1, {'Reference': reference_navigation(modules())})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    for source, uri in {**PAGES, **COPIED}.items():
        text = (ROOT / source).read_text(encoding='utf-8')
        files.append(File.generated(config, uri, content=text))
    for source, page in NOTEBOOKS.items():
        text, pictures = notebook_page(ROOT / source, page.removesuffix('.md'))
        for uri, content in {page: text, **pictures}.items():
            files.append(File.generated(config, uri, content=content))
    files.append(File.generated(config, 'reference/index.md', content=reference_index(modules())))
    for name in modules():
        files.append(File.generated(config, reference_uri(name), content=f'::: {name}\n'))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links between files of the repository lead to the pages that are made of them."""
    uri = page.file.src_uri
    sources = {site: source for source, site in {**PAGES, **NOTEBOOKS}.items()}
    return link_names(site_links(markdown, sources.get(uri, f'docs/{uri}'), uri))


def on_page_content(html: str, **_: Any) -> str:
    """Let long names break where their words end, so that tables keep whole words."""
    return _CELL.sub(lambda cell: _CODE.sub(_with_breaks, cell[0]), html)


def _with_breaks(code: re.Match[str]) -> str:
    return f'<code>{_WORD_END.sub("<wbr>", code[1])}</code>'


def site_links(markdown: str, source: str, uri: str) -> str:
    """Rewrite the relative links of a page.

    Args:
        markdown: The page's text.
        source: The page's file, from the root of the repository.
        uri: Where the page is in the site.
    """
    folder = posixpath.dirname(source)
    known = {**PAGES, **COPIED, **NOTEBOOKS}

    def rewritten(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link['path']))
        place = known.get(target, target.removeprefix('docs/'))
        if place == target:  # no file of the repository, as the pictures of a notebook
            return link[0]
        return posixpath.relpath(place, posixpath.dirname(uri) or '.') + (link['anchor'] or '')

    return LINK.sub(rewritten, markdown)


def reference_uri(module: str) -> str:
    """Return the page of a module."""
    return f'reference/{module.removeprefix(PACKAGE + ".").replace(".", "/")}.md'


def reference_index(names: list[str]) -> str:
    """Return the first page of the reference: what each package and each module is for."""
    packages: dict[str, list[str]] = {}
    for name in names:
        packages.setdefault(name.rpartition('.')[0], []).append(name)
    lines = ['# Reference']
    for package, inside in packages.items():
        lines += ['', f'## {package}', '', summary_of(package), '', '| module | |', '|---|---|']
        for name in inside:
            address = reference_uri(name).removeprefix('reference/')
            lines.append(f'| [{name.rpartition(".")[2]}]({address}) | {summary_of(name)} |')
    return '\n'.join(lines) + '\n'


def reference_navigation(names: list[str]) -> list[Any]:
    """Return the navigation of the reference: packages in packages, modules in them."""
    tree: list[Any] = [{'All modules': 'reference/index.md'}]
    for name in names:
        level = tree
        *packages, module = name.split('.')[1:]
        for package in packages:
            known = [entry[package] for entry in level if package in entry]
            if not known:
                known = [[]]
                level.append({package: known[0]})
            level = known[0]
        level.append({module: reference_uri(name)})
    return tree
