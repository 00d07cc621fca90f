"""Writes ch2 and AAL of mricron-data as npy and h5 files in several orders, and prints digests of what they hold.

usage: write_real.py <folder>
"""
import hashlib
import json
import os
import sys

import h5py
import nibabel
import numpy as np

out = sys.argv[1]
templates = '/usr/share/mricron/templates/'
image, label = (np.asanyarray(nibabel.load(templates + name).dataobj) for name in ('ch2.nii.gz', 'aal.nii.gz'))
# nibabel's arrays have x first.
stored = {
    'zyx': lambda a: np.ascontiguousarray(a.T),
    'xyz': np.ascontiguousarray,
    'xyz-fortran': np.asfortranarray,
}
for name, order in stored.items():
    os.makedirs(f'{out}/{name}')
    np.save(f'{out}/{name}/ch2_image.npy', order(image.astype('>f4') if name == 'xyz' else image.astype('<f4')))
    np.save(f'{out}/{name}/ch2_label.npy', order(label.astype('<i8')))
os.makedirs(f'{out}/h5')
with h5py.File(f'{out}/h5/ch2.h5', 'w') as f:
    f.create_dataset('image', data=image.astype('f4'), compression='gzip')
    f.create_dataset('label', data=label, compression='gzip', shuffle=True)
print(json.dumps({
    'shape': image.T.shape,
    'image': hashlib.sha256(np.ascontiguousarray(image.T.astype('<f4')).tobytes()).hexdigest(),
    'label': hashlib.sha256(np.ascontiguousarray(label.T.astype('u1')).tobytes()).hexdigest(),
    'counts': np.bincount(label.ravel(), minlength=117).tolist(),
}))
