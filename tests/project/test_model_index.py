"""The model index names the configs that exist, with the numbers of the methods' pages."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
INDEX = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))['Import']
FILES = {path: yaml.safe_load((ROOT / path).read_text(encoding='utf-8')) for path in INDEX}
COLLECTIONS = {
    collection['Name']: collection
    for content in FILES.values()
    for collection in content.get('Collections', [])
}
MODELS = {model['Name']: model for content in FILES.values() for model in content['Models']}


def numbers_of(page):
    text = (ROOT / page).read_text(encoding='utf-8')
    return {float(number) for number in re.findall(r'(?<![\d.])\d+\.\d+(?![\d.])', text)}


def metrics(model, key):
    return [result['Metrics'] for result in model.get(key, [])]


def test_every_folder_of_configs_has_a_metafile_that_is_imported():
    folders = {path.parent for path in (ROOT / 'configs').glob('*/*.py')} - {
        ROOT / 'configs/_base_'
    }
    wanted = {(folder / 'metafile.yml').relative_to(ROOT).as_posix() for folder in folders}
    assert sorted(INDEX) == sorted(wanted)


def test_no_name_is_given_twice():
    assert len(MODELS) == sum(len(content['Models']) for content in FILES.values())


@pytest.mark.parametrize('path', INDEX, ids=lambda path: path.split('/')[1])
def test_a_metafile_lists_the_configs_of_its_folder(path):
    configs = sorted(
        config.relative_to(ROOT).as_posix() for config in (ROOT / path).parent.glob('*.py')
    )
    listed = [model['Config'] for model in FILES[path]['Models']]
    assert sorted(listed) == configs, f'list the configs of the folder in {path}'
    assert [Path(config).stem for config in listed] == [m['Name'] for m in FILES[path]['Models']]


@pytest.mark.parametrize('name', COLLECTIONS)
def test_a_collection_has_a_paper_and_a_page(name):
    assert COLLECTIONS[name]['Paper']['Title']
    assert (ROOT / COLLECTIONS[name]['README']).is_file()


@pytest.mark.parametrize('name', MODELS)
def test_the_numbers_of_a_model_stand_on_the_page_of_its_method(name):
    model = MODELS[name]
    page = model.get('README', COLLECTIONS[model['In Collection']]['README'])
    found = [*metrics(model, 'Published'), *metrics(model, 'Results')]
    stated = {value for entry in found for value in entry.values()}
    assert stated <= numbers_of(page), f'{stated - numbers_of(page)} of {name} are not on {page}'


@pytest.mark.parametrize('name', MODELS)
def test_a_measured_number_says_of_which_data(name):
    for result in MODELS[name].get('Results', []):
        known = ('toy scenes', '137 photographs', '175 photographs', '863 of 1,726 photographs')
        assert result['Dataset'].startswith(known)
        assert result['Seeds']
