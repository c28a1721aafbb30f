import codecs

import pytest

from mmwsss.structures import read_ids, read_text


@pytest.mark.parametrize(
    'content',
    [
        'a\nö\n'.encode(),
        'a\r\nö\r\n'.encode(),
        'a\rö\r'.encode(),
        codecs.BOM_UTF8 + 'a\nö\n'.encode(),
        'a\nö\n'.encode('utf-16'),
        codecs.BOM_UTF16_BE + 'a\nö\n'.encode('utf-16-be'),
    ],
)
def test_one_text_in_many_spellings(tmp_path, content):
    (tmp_path / 'a.txt').write_bytes(content)
    assert read_text(tmp_path / 'a.txt') == 'a\nö\n'
    assert read_ids(tmp_path / 'a.txt') == ['a', 'ö']


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('a\nö\n'.encode('latin-1'), r'a\.txt, line 2, is not UTF-8 text: save it as UTF-8'),
        ('a\nö\n'.encode('utf-16-le')[:2], r'a\.txt is no text, or text in UTF-16'),
        (b'PK\x03\x04\x00\x00', r'a\.txt is no text'),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path, content, message):
    (tmp_path / 'a.txt').write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_ids(tmp_path / 'a.txt')
