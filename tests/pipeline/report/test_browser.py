"""The report in a real browser: nothing is fetched, nothing fails, filter, order and zoom work."""

import shutil

import pytest

from mmwsss.pipeline.report import write_report

api = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
BROWSER = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'chrome'))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason='there is no chromium here')


@pytest.fixture(scope='module')
def browser():
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=['--no-sandbox'])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, make_run, tmp_path):
    """The page of two runs; after the test it must not have said or fetched anything."""
    path = write_report(tmp_path / 'r.html', [make_run(), make_run('plugin', pacam=True)])
    context = browser.new_context(viewport={'width': 1200, 'height': 900})
    page = context.new_page()
    said, fetched = [], []
    page.on('console', lambda message: said.append(message.text))
    page.on('pageerror', lambda error: said.append(str(error)))
    page.on('request', lambda request: fetched.append(request.url))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert not said
    assert {url for url in fetched if not url.startswith('data:')} == {path.as_uri()}


def cards(page):
    return page.locator('.card > header b').all_inner_texts()


def test_filters_and_orders(page):
    everything = cards(page)
    assert len(everything) == 8 and set(everything) == set('abcd')
    page.select_option('#set', 'training')
    page.select_option('#class', label='cat (4)')
    assert sorted(cards(page)) == ['a', 'c']
    page.click('#legend button:has-text("cat")')  # takes the filter away again
    page.fill('#name', 'D')
    assert cards(page) == ['d']
    page.fill('#name', '')
    page.select_option('#order', 'name')
    assert cards(page) == ['a', 'b', 'c', 'd']
    page.select_option('#order', 'worst')
    worst = cards(page)
    page.select_option('#order', 'best')
    scores = [float(text.split()[-1]) for text in page.locator('.score').all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    assert worst != cards(page)
    assert '4 of 8 images' in page.inner_text('#shown')


def test_an_image_is_enlarged_and_walked_through_by_keys(page):
    page.select_option('#set', 'training')
    page.select_option('#order', 'name')
    page.locator('.card .panel').nth(1).click()
    zoom = page.locator('#zoom')
    assert zoom.is_visible() and page.inner_text('#zoom-title') == 'a: cat'
    pressed = page.locator('#layers [aria-pressed=true]')
    assert pressed.inner_text().endswith('CAM, cat · host')
    assert page.locator('#stage img').count() == 2
    page.keyboard.press('ArrowRight')
    assert page.inner_text('#zoom-title') == 'b: <b>dog</b>'
    page.keyboard.press('ArrowLeft')
    page.keyboard.press('ArrowLeft')
    assert page.inner_text('#zoom-title').startswith('d: background only')
    page.keyboard.press('0')
    assert page.locator('#stage img').count() == 1
    page.keyboard.press('Escape')
    assert zoom.is_hidden()
    page.keyboard.press('/')
    page.keyboard.type('b')
    assert cards(page) == ['b']


def test_light_and_dark_and_the_width_of_a_phone(page):
    def colour():
        return page.evaluate('getComputedStyle(document.body).backgroundColor')

    light = colour()
    page.click('#theme')
    dark = colour()
    assert light == 'rgb(255, 255, 255)' and dark != light
    page.click('#theme')
    page.emulate_media(color_scheme='dark')
    assert colour() == light  # as chosen
    page.reload()
    assert colour() == dark  # as the system has it
    page.set_viewport_size({'width': 360, 'height': 740})
    wide = page.evaluate('document.documentElement.scrollWidth')
    assert wide <= 360
    page.locator('.card .panel').first.click()
    box = page.locator('#zoom').bounding_box()
    assert box['x'] >= 0 and box['x'] + box['width'] <= 360


def test_tables_are_sorted_by_a_click_on_a_head(page):
    page.click('#classes th button:has-text("cam") >> nth=0')

    def values():
        cells = page.locator('#classes tbody tr td:nth-of-type(4)').all()
        return [float(cell.get_attribute('data-value')) for cell in cells]

    assert values() == sorted(values(), reverse=True)
    page.click('#classes th button:has-text("class")')
    names = page.locator('#classes tbody th').all_inner_texts()
    assert names == sorted(names, key=str.lower)


def test_all_pictures_are_whole(page):
    page.wait_for_function('[...document.images].every((image) => image.complete)')
    broken = '[...document.images].filter((image) => !image.naturalWidth).length'
    assert page.evaluate('document.images.length') > 30
    assert page.evaluate(broken) == 0
