#!/usr/bin/env bash
# Builds the addon of @tensorflow/tfjs-node against TensorFlow's Python wheel, then checks it.
#
#   bench/peers/build-tfjs-node.sh <folder> [--gpu] [--no-check]
#
# <folder> becomes an npm project with node_modules/@tensorflow/tfjs-node ready for use (2 GB with the wheel of 270 MB).
# --gpu takes the wheel with CUDA and NVIDIA's CUDA wheels, and builds @tensorflow/tfjs-node-gpu (7 GB).
# TENSORFLOW_VERSION chooses another wheel. Linux on x86-64; needs python3 with pip, g++, node and npm.
#
# Nothing of the package is patched: its addon uses TensorFlow's C API alone, which the wheel's libtensorflow_cc exports,
# and its sources compile with the headers of the wheel (tried: 2.18.1, 2.21.0). Three things differ from the package's own build:
#   - the wheel has no libtensorflow.so, so the linker gets libtensorflow_cc.so.2 under that name;
#   - node-gyp would fetch Node's headers, so g++ is called with headers that are on the machine or in npm's
#     node-api-headers: the addon uses Node-API alone;
#   - the headers need C++17.
set -euo pipefail

TENSORFLOW_VERSION=${TENSORFLOW_VERSION:-2.21.0}
TFJS_VERSION=4.22.0
NODE_API_HEADERS_VERSION=1.9.0

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

fail() {
  echo "build-tfjs-node: $1" >&2
  exit 1
}

folder=
package=tfjs-node
wheel=tensorflow-cpu
check=yes
for argument in "$@"; do
  case $argument in
    --gpu) package=tfjs-node-gpu wheel=tensorflow ;;
    --no-check) check=no ;;
    -*) fail "unknown option $argument" ;;
    *) folder=$argument ;;
  esac
done
[ -n "$folder" ] || fail "name the folder to build in: $0 <folder> [--gpu] [--no-check]"
[ "$(uname -sm)" = "Linux x86_64" ] || fail "wheels with these libraries exist for Linux on x86-64, not for $(uname -sm)"
for tool in python3 g++ node npm; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done
python3 -m pip --version >/dev/null || fail "python3 has no pip (Debian: apt-get install python3-pip)"

mkdir -p "$folder/wheels"
folder=$(cd "$folder" && pwd)
home=$folder/node_modules/@tensorflow/$package

# Only libraries and headers are used, so one Python's wheel serves whichever Python runs pip.
fetch_wheel() {
  echo "== $wheel $TENSORFLOW_VERSION from PyPI"
  python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$folder/wheels" \
    --implementation cp --python-version 3.11 --abi cp311 \
    --platform manylinux_2_27_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    "$wheel==$TENSORFLOW_VERSION" \
    || fail "pip cannot get $wheel $TENSORFLOW_VERSION; set TENSORFLOW_VERSION to one that it lists"
}

install_package() {
  echo "== @tensorflow/$package $TFJS_VERSION from npm"
  [ -e "$folder/package.json" ] || echo '{ "private": true }' > "$folder/package.json"
  npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel error "@tensorflow/$package@$TFJS_VERSION"
}

unpack_wheel() {
  echo "== headers and libraries of the wheel"
  rm -rf "$home/deps"
  mkdir -p "$home/deps"
  python3 "$here/unpack_tensorflow_wheel.py" "$folder"/wheels/"${wheel//-/_}-$TENSORFLOW_VERSION"-*.whl "$home/deps"
  ln -s libtensorflow_cc.so.2 "$home/deps/lib/libtensorflow.so"
  ln -s libtensorflow_framework.so.2 "$home/deps/lib/libtensorflow_framework.so"
}

# The libraries of the GPU wheel look for CUDA in ../nvidia, where pip's layout has it.
install_cuda() {
  echo "== NVIDIA's CUDA wheels"
  rm -rf "$folder/cuda"
  python3 -m pip install --quiet --no-deps --only-binary=:all: --target "$folder/cuda" -r "$home/deps/cuda-requirements.txt"
  ln -s "$folder/cuda/nvidia" "$home/deps/nvidia"
}

node_headers() {
  local beside
  beside=$(node -p "require('node:path').resolve(process.execPath, '../../include/node')")
  if [ -e "$beside/node_api.h" ]; then
    echo "$beside"
  else
    npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel error \
      "node-api-headers@$NODE_API_HEADERS_VERSION" >&2
    echo "$folder/node_modules/node-api-headers/include"
  fi
}

compile_addon() {
  local headers napi
  headers=$(node_headers)
  napi=$(node -p "Math.max(...require('$home/package.json').binary.napi_versions.filter((v) => v <= process.versions.napi))")
  echo "== addon for Node-API $napi with the headers in $headers"
  mkdir -p "$home/lib/napi-v$napi"
  g++ -shared -fPIC -O2 -std=c++17 "-DNAPI_VERSION=$napi" -I"$headers" -I"$home/deps/include" \
    "$home/binding/tfjs_backend.cc" "$home/binding/tfjs_binding.cc" \
    -L"$home/deps/lib" -ltensorflow -ltensorflow_framework '-Wl,-rpath,$ORIGIN/../../deps/lib' \
    -o "$home/lib/napi-v$napi/tfjs_binding.node"
}

fetch_wheel
install_package
unpack_wheel
[ $package = tfjs-node ] || install_cuda
compile_addon

echo "== done: DINOMIX_TFJS_NODE=$folder"
if [ $check = yes ]; then
  (cd "$root" && npx tsc -b plugins/backend-tfjs-node)
  if [ $package = tfjs-node ]; then device=cpu; else device=cuda; fi
  node "$here/check-tfjs-node.mjs" "$folder" "$device"
fi
