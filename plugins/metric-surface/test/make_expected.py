"""Expected numbers of the surface metrics from MedPy: python make_expected.py > expected.json (needs medpy, numpy)."""
import json, numpy as np
from medpy.metric import binary as b
rng=np.random.default_rng(7)
a=np.zeros((6,8,9),np.uint8); c=np.zeros_like(a)
a[1:5,1:6,2:7]=1; c[2:5,2:7,1:6]=1; a[5,7,8]=2; c[0,0,0]=2; c[0,7,0]=2
noise=rng.random(a.shape)<0.05; a[noise&(a==0)]=1
sp=(2.5,1.0,0.75)
out={'shape':a.shape,'spacing':sp,'prediction':a.ravel().tolist(),'reference':c.ravel().tolist(),'values':{}}
for unit,s in (('mm',sp),('voxel',None)):
    out['values'][unit]={k:[float(f(a==i,c==i,voxelspacing=s)) for i in (1,2)] for k,f in (('asd',b.asd),('assd',b.assd),('hd95',b.hd95))}
print(json.dumps(out))
