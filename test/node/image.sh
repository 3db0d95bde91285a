#!/bin/bash
# image.sh FOLDER: builds the image without a registry of images, with ../shared/image, into FOLDER/image.tar.
# The stand-ins for the bases have no digest, so the digests are taken off a copy of the Dockerfile.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:?FOLDER}
# The name that the manifests have.
tag=$(sed -n 's/^ *image: \(.*cloudjob-operator:.*\)$/\1/p' "$root/deploy/install.yaml")
mkdir -p "$folder/project/scripts"
sed -E 's/^(FROM [^@ ]+)@sha256:[0-9a-f]{64}/\1/' "$root/Dockerfile" >"$folder/project/Dockerfile"
cd "$root"
cp -r .dockerignore .npmrc package.json package-lock.json tsconfig.json tsconfig.build.json LICENSE src "$folder/project/"
cp scripts/prune.mjs "$folder/project/scripts/"
exec bash ../shared/image/build.sh "$folder/project" "$folder" "$tag"
