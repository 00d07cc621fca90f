"""Writes test/fixtures with numpy and h5py, and what they hold into fixtures.json. Run: /usr/bin/python3 make_fixtures.py"""
import json
import os

import h5py
import numpy as np

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures')
os.chdir(here)
shape = (2, 3, 4)
values = np.arange(24).reshape(shape)
types = ['?', 'u1', 'i1', '<u2', '>u2', '<i2', '>i2', '<u4', '<i4', '>i4', '<u8', '<i8', '>i8', '<f2', '>f2', '<f4', '>f4', '<f8', '>f8']
expected = {}


def name_of(code):
    return {'<': 'le_', '>': 'be_'}.get(code[0], '') + code.strip('<>').replace('?', 'bool')


def array_of(code):
    return (values % 2 if code == '?' else values * 1.5 if 'f' in code else values - (3 if 'i' in code else 0)).astype(code)


for code in types:
    array = array_of(code)
    np.save(name_of(code) + '.npy', array)
    expected[name_of(code)] = [float(v) for v in array.ravel()]
np.save('fortran.npy', np.asfortranarray(values.astype('<i2')))
for version in (2, 3):
    with open(f'version{version}.npy', 'wb') as f:
        np.lib.format.write_array(f, values.astype('<i2'), version=(version, 0))
with open('object.npy', 'wb') as f:
    np.save(f, np.array([[[{'a': 1}]]], dtype=object), allow_pickle=True)
np.save('structured.npy', np.zeros(shape, dtype=[('a', '<i4'), ('b', '<f4')]))
np.save('complex.npy', np.zeros(shape, dtype='<c8'))
np.save('four.npy', np.zeros((1,) + shape, dtype='<i2'))

with h5py.File('types.h5', 'w') as f:
    for code in types:
        f.create_dataset(name_of(code), data=array_of(code))
    f['soft'] = h5py.SoftLink('/u1')
    f['external'] = h5py.ExternalLink('filters.h5', '/none')
    f.create_group('group')['inner'] = array_of('u1')
    f.create_dataset('text', data=['a', 'b'])
    f.create_dataset('complex', data=np.zeros(shape, '<c8'))
    f.create_dataset('four', data=np.zeros((1,) + shape, '<i2'))
    f.create_dataset('scalar', data=3.0)
    f.create_dataset('empty', data=h5py.Empty('f4'))
    f.create_dataset('huge', shape=(30000, 30000, 30000), dtype='f4', chunks=(8, 8, 8))
    layout = h5py.VirtualLayout(shape=shape, dtype='i2')
    layout[:] = h5py.VirtualSource('filters.h5', 'none', shape=shape)
    f.create_virtual_dataset('virtual', layout)
with h5py.File('external.h5', 'w') as f:
    # Elements that lie in another file, such as one that a reader should not hand out.
    f.create_dataset('storage', shape=shape, dtype='u1', external=[('/etc/passwd', 0, 24)])
with h5py.File('filters.h5', 'w') as f:
    # Even enough that every filter has something to gain: lzf leaves what it cannot compress as it is.
    even = np.repeat(values, 512, axis=2).astype('i2')
    f.create_dataset('none', data=values.astype('i2'))
    f.create_dataset('gzip', data=even, compression='gzip')
    f.create_dataset('all', data=even, compression='gzip', shuffle=True, fletcher32=True, chunks=(1, 3, 100))
    f.create_dataset('lzf', data=even, compression='lzf')
expected['even'] = [float(v) for v in even.ravel()[::512]]

with open('fixtures.json', 'w') as f:
    json.dump({name: [int(v) if v == int(v) else v for v in row] for name, row in expected.items()}, f)
    f.write('\n')
