# Photographs of one's own with image labels, without masks; `mmwsss new FOLDER` writes a config
# that says where they are and what the classes are called.
data_root = '{{$MMWSSS_DATA:data}}/own'
images = dict(type='mmwsss.ImageFolderDataset', data_root=data_root,
              metainfo=dict(classes=('background', 'cat', 'dog')))
label_file = data_root + '/labels.csv'
judged_on = tested_on = None  # there are no masks
