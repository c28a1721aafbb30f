"""Tables and exports of annotation tools, as people have them."""

import json

import pytest

from mmwsss.datasets.image_labels import load_image_labels, read_image_labels

CLASSES = ('cat', 'dog', 'dining table')
EXPECTED = {'a': ('cat',), 'b': ('cat', 'dog'), 'c': ()}
LABEL_STUDIO = [
    {
        'data': {'image': '/data/upload/1/0123abcd-a.jpg'},
        'annotations': [{'result': [{'type': 'choices', 'value': {'choices': ['cat']}}]}],
    },
    {
        'data': {'image': '/data/local-files/?d=x/b.jpg'},
        'annotations': [
            {'result': [{'type': 'rectanglelabels', 'value': {'rectanglelabels': ['dog']}}]},
            {'result': [{'type': 'choices', 'value': {'choices': ['cat']}}]},
            {'result': [{'type': 'choices', 'value': {'choices': ['x']}}], 'was_cancelled': True},
        ],
    },
    {'data': {'image': 'c.jpg'}, 'annotations': [{'result': []}]},
    {'data': {'image': 'nobody-looked.jpg'}, 'annotations': []},
]
COCO = {
    'images': [{'id': n, 'file_name': f'x/{name}.jpg'} for n, name in enumerate('abc')],
    'categories': [{'id': 3, 'name': 'cat'}, {'id': 7, 'name': 'dog'}],
    'annotations': [
        {'image_id': 0, 'category_id': 3, 'bbox': [0, 0, 2.5, 2]},
        {'image_id': 1, 'category_id': 7, 'segmentation': []},
        {'image_id': 1, 'category_id': 3},
        {'image_id': 1, 'category_id': 3},
    ],
}
CVAT = (
    '<annotations><meta/><image id="0" name="x/a.jpg"><tag label="cat"/></image>'
    '<image id="1" name="b.jpg"><box label="dog" xtl="1"/><polygon label="cat"/></image>'
    '<image id="2" name="c.jpg"/></annotations>'
)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding='utf-8')
    return path


@pytest.mark.parametrize(
    ('name', 'text', 'kind'),
    [
        ('l.csv', 'image,cat,dog\na,1,0\nb,1,1\nc,0,0\n', 'a table of 0 and 1 between commas'),
        ('l.csv', 'file;cat;dog\na.jpg;True;False\nb.jpg;true;true\nc.jpg;;\n', 'semicolons'),
        ('l.tsv', 'x\tdog\tcat\tbackground\na\t0\t1\t1\nb\t1\t1\t0\nc\t0\t0\t1\n', 'between tabs'),
        ('l.csv', 'filename,labels\na,cat\nb,cat|dog\nc,\n', 'a table of names between commas'),
        ('l.csv', '"image_id","classes"\n"a","cat"\n"b","cat,dog"\n"c","background"\n', 'names'),
        ('l.csv', 'a;cat\nb;cat dog\nc;\n', 'a table of names between semicolons'),
        ('l.txt', 'a,cat\nb,cat dog\nc,\n', 'a table of names between commas'),
        ('l.txt', 'x/a.jpg cat\nx/b.JPG dog cat\nc\n', 'a text file of names'),
        ('l.txt', '# mine\na: cat\nb: cat, dog\nc:\n', 'a text file of names'),
        ('l.txt', 'a|cat\nb|cat|dog\nc|\n', 'a table of names between bars'),
        ('l.csv', 'sep=;\nImage;Class\na;cat\nb;cat,dog\nc;\n', 'between semicolons'),
        ('l.csv', ',file_name,Class Name\n0,a,cat\n1,b,cat;dog\n2,c,\n', 'names between commas'),
        (
            'l.csv',
            'filename,width,class,xmin\na.jpg,9,cat,1\nb.jpg,9,dog,2\nb.jpg,9,cat,3\nc.jpg,9,,\n',
            'a table of names between commas; columns that are not looked at: width, xmin',
        ),
        ('l.csv', 'id,photo,species\n7,a,cat\n8,b,cat dog\n9,c,\n', 'names between commas'),
        ('l.csv', 'image,label_1,label_2\na,cat,\nb,cat,dog\nc,,\n', 'names between commas'),
        ('l.csv', 'image,labels\na,"[\'cat\']"\nb,"[""cat"", ""dog""]"\nc,[]\n', 'table of names'),
        ('l.csv', 'image,cat,dog\na,x,\nb,X,x\nc,-,\n', 'a table of 0 and 1 between commas'),
        (
            'l.csv',
            'id,image,choice\n1,/x/a.jpg,cat\n2,b.jpg,"{""choices"":[""cat"",""dog""]}"\n3,c.jpg,\n',
            'a CSV export of Label Studio',
        ),
        ('l.csv', 'a\uff0ccat\nb\uff0ccat\uff1bdog\nc\uff0c\n', 'names between commas'),
        ('l.csv', "'a','cat'\n'b','cat;dog'\n'c',''\n", 'names between commas'),
        (
            'l.csv',
            '# mine\n\u201ca\u201d,\u201ccat\u201d\nb,\u201ccat;dog\u201d\nc,\u201c\u201d\n',
            'names between commas',
        ),
        ('l.csv', 'Bild;cat;dog\na;1;0\nb;1;1\nc;0;0\n', 'a table of 0 and 1'),
        ('l.csv', 'image;cat;dog\na;WAHR;FALSCH\nb;WAHR;WAHR\nc;FALSCH;FALSCH\n', '0 and 1'),
        ('l.csv', '\u200ba,cat\u200b\nb,cat\u00a0dog\nc,\n', 'names between commas'),
        ('l.txt', 'my x/a.jpg cat\nb.JPG dog cat\nc.png\n', 'a text file of names'),
        ('l.json', LABEL_STUDIO, 'a JSON export of Label Studio'),
        (
            'l.json',
            [
                {'image': 'a.jpg', 'choice': 'cat'},
                {'image': 'b.jpg', 'choice': {'choices': ['cat', 'dog']}},
                {'image': 'c.jpg', 'label': [{'rectanglelabels': [], 'x': 1}]},
            ],
            'a JSON-MIN export of Label Studio',
        ),
        (
            'l.json',
            [{'image': n, 'labels': names} for n, names in (('a', 'cat'), ('b', ['cat', 'dog']))]
            + [{'image': 'c', 'labels': []}],
            'a JSON-MIN export of Label Studio',
        ),
        ('l.json', COCO, 'an export of COCO'),
        ('l.xml', CVAT, 'an XML export of CVAT'),
    ],
)
def test_a_file_is_read_with_known_classes_and_without(tmp_path, name, text, kind):
    path = write(tmp_path / name, text)
    assert load_image_labels(path, CLASSES) == EXPECTED
    found, labels = read_image_labels(path)
    assert kind in found and labels == EXPECTED


def test_folders_of_labelme_yolo_and_voc(tmp_path):
    for name, names, flag in (('a', [], True), ('b', ['dog', 'dog'], True), ('c', [], False)):
        shapes = [{'label': label} for label in names]
        content = {'imagePath': f'..\\x\\{name}.jpg', 'shapes': shapes, 'flags': {'cat': flag}}
        write(tmp_path / 'labelme' / f'{name}.json', content)
        objects = ''.join(f'<object><name>{n}</name></object>' for n in {*names, *['cat'] * flag})
        write(tmp_path / 'voc' / f'{name}.xml', f'<annotation>{objects}</annotation>')
        numbers = [{'cat': '0', 'dog': '1'}[n] for n in [*names, *['cat'] * flag]]
        lines = ''.join(f'{n} 0.5 0.5 0.1 0.1\n' for n in numbers)
        write(tmp_path / 'yolo' / 'labels' / f'{name}.txt', lines)
    write(tmp_path / 'yolo' / 'data.yaml', 'names: {0: cat, 1: dog}')
    assert read_image_labels(tmp_path / 'labelme') == ('3 files of LabelMe', EXPECTED)
    assert read_image_labels(tmp_path / 'voc') == ('3 XML files of Pascal VOC', EXPECTED)
    kind = '3 files of YOLO, classes of data.yaml'
    assert read_image_labels(tmp_path / 'yolo') == (kind, EXPECTED)
    write(tmp_path / 'yolo' / 'data.yaml', 'names: [cat]')
    with pytest.raises(ValueError, match=r'b.txt has class 1, which .*data.yaml has no name for'):
        read_image_labels(tmp_path / 'yolo')


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('l.csv', 'image,0,1\na,1,0\n', r'line 1: a table of 0 and 1 needs names .* not 0, 1'),
        ('l.csv', 'image,cat,dog\na,1,0\nb,2,0\n', r'l\.csv, line 3: 2 in a table of a class per'),
        ('l.csv', 'image,cat,dog\na,0.9,0.1\n', r'line 2: 0\.9 in a table of a class per column'),
        ('l.csv', 'image;cat;dog\na;1;-1\n', 'line 2: -1 in a table of a class per column'),
        ('l.csv', 'a,1,0\nb,0,1\n', 'line 1: 1 stands .* begins with a line that names its'),
        ('l.csv', 'a,10,9,50,40,cat\n', 'line 1: 10 stands among names of classes; .* boxes are'),
        ('l.csv', 'image,cat,dog\na,yes,maybe\n', 'line 1: which column has the classes'),
        ('l.csv', 'ImageID,LabelName,Confidence\na,cat,0\n', "'Confidence' says how sure a label"),
        ('l.csv', 'cat,a.jpg\ncat,b.jpg\n', "'a.jpg', the name of an image: first comes the image"),
        ('l.csv', '{"a": ["cat"]}', 'l.csv holds JSON: give it a name that ends in .json'),
        ('l.csv', '<!DOCTYPE html><html/>', 'l.csv is no text: it is a web page: load the file'),
        ('l.csv', 'PK\x03\x04', 'l.csv is no text: it is a spreadsheet, .*: save its table as CSV'),
        ('l.csv', 'a,"cat\nb,dog\n', 'line 1: a quotation mark is opened and not closed'),
        ('l.csv', 'sep=;\n;;\n', r'l\.csv has no image in it: a row is'),
        ('l.csv', 'sep=:\na:cat\n', "line 1: columns are parted by ':'; write commas"),
        ('l.csv', 'a,cat+dog\n', r"class 'cat\+dog'; for cat and dog, part names by semicolons"),
        ('l.csv', 'a,cat\nb,No Finding|\n', "unknown class 'No Finding'; an image of background"),
        ('l.json', '{"a": ["none"]}', "unknown class 'none'; an image of background only has no"),
        ('l.json', {**COCO, 'categories': []}, 'is not whole .KeyError: 3.: export it anew'),
        ('l.json', [{'data': {}, 'annotations': [{}]}], "not whole .KeyError: 'result'."),
        ('l.csv', 'image,cow\na,1\n', "unknown class 'cow'"),
        ('l.csv', 'a,cat\nb,background dog\n', "unknown class 'background'"),
        ('l.xml', '<annotation/>', 'is no export that is known: XML of CVAT'),
        ('l.xml', '<anno', 'is not XML'),
    ],
)
def test_what_is_none_of_them_is_refused_by_name(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=message):
        load_image_labels(write(tmp_path / name, text), CLASSES)


def test_ids_are_paths_where_names_are_not_enough(tmp_path):
    path = write(tmp_path / 'l.csv', 'cat/1.jpg,cat\ndog/1.jpg,dog\n')
    assert load_image_labels(path, CLASSES) == {'cat__1': ('cat',), 'dog__1': ('dog',)}
    path = write(tmp_path / 'l.csv', 'cat/1.jpg,cat\ncat/1.jpg,dog\n')
    with pytest.raises(ValueError, match="line 2: image 'cat__1' is there twice"):
        load_image_labels(path, CLASSES)
