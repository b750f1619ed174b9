# Sourced by ./run: everything from a bare Debian 12 to an installed package. Each step is skipped when done.

# The distribution's tools, also where a version manager puts shims of the same names first.
export PATH="/usr/bin:/bin:/usr/sbin:/sbin:$PATH"
# A fresh system has no locale set; C.UTF-8 always exists.
export LC_ALL=C.UTF-8
export CMAKE_BUILD_PARALLEL_LEVEL="${JOBS:-$(nproc)}"
export CTEST_PARALLEL_LEVEL="$CMAKE_BUILD_PARALLEL_LEVEL"
PYTHON="${PYTHON:-/usr/bin/python3}"

readonly PACKAGES=(
  build-essential cmake ninja-build ccache
  liblmdb-dev libxxhash-dev rapidjson-dev libgmp-dev libsqlite3-dev libgtest-dev libgmock-dev
  python3-dev python3-venv
  sqlite3 iso-codes
  ca-certificates  # pip checks certificates against Debian's list
)

# set_up [further Debian packages...]
set_up() {
  install_packages "${PACKAGES[@]}" "$@"
  make_venv
  install_oocmap
}

say() { printf '\n==> %s\n' "$*"; }

fail() {
  printf '\n' >&2
  printf '%s\n' "$@" >&2
  exit 1
}

# --- Debian packages ------------------------------------------------------------------------------

missing_packages() {
  local package
  for package in "$@"; do
    # No pipe: `grep -q` would end dpkg-query early, and pipefail would call that a failure.
    [[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null)" == installed ]] || echo "$package"
  done
}

install_packages() {
  command -v dpkg-query > /dev/null || fail \
    "This is not Debian or Ubuntu, so ./run cannot see what is installed. It needs what these packages hold:" \
    "  $*" "CONTRIBUTING.md says how to build with cmake and pip alone."
  # Not mapfile < <(...): that needs /dev/fd, which a chroot without /proc has not.
  local missing
  read -ra missing -d '' <<< "$(missing_packages "$@")" || true
  ((${#missing[@]})) || return 0
  may_install || fail "These Debian packages are missing, and this user may not install them:" \
    "  ${missing[*]}" "Have them installed, then run this again:" \
    "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
  # Through env, since sudo drops variables.
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0)
  ((EUID == 0)) || apt=(sudo "${apt[@]}")
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  "${apt[@]}" update
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
}

# Root may, and whoever can answer or needs no password from sudo.
may_install() {
  ((EUID == 0)) && return
  command -v sudo > /dev/null && { [[ -t 0 ]] || sudo -n true 2> /dev/null; }
}

# CPython's own tests, which Debian has in a package of its own; nothing where this Python has them.
cpython_tests() {
  "$PYTHON" -c 'import test.list_tests' 2> /dev/null && return
  # Another Python than Debian's is not helped by the package; its tests are skipped then.
  [[ "$PYTHON" != /usr/bin/* ]] || "$PYTHON" -c 'import sys; print("libpython%d.%d-testsuite" % sys.version_info[:2])'
}

# --- .venv ----------------------------------------------------------------------------------------

# Made anew when the pins, the interpreter or the place of this folder change (a .venv cannot be moved).
make_venv() {
  "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail \
    "OOCMap needs Python 3.11 or later; $PYTHON is $("$PYTHON" --version 2>&1)." \
    "Name another with PYTHON=/path/to/python3 ./run ..."
  local stamp
  stamp="$("$PYTHON" --version) $PYTHON $PWD $(sha256sum < requirements-dev.txt)"
  [[ "$(cat .venv/requirements.stamp 2> /dev/null)" == "$stamp" ]] && return
  say "Making .venv: $(grep -c == requirements-dev.txt) packages from PyPI"
  rm -rf .venv
  "$PYTHON" -m venv .venv
  .venv/bin/pip install --disable-pip-version-check -r requirements-dev.txt
  echo "$stamp" > .venv/requirements.stamp
}

# --- the build ------------------------------------------------------------------------------------

# One build tree: pip builds and installs the package from build/release, and the C++ tests come from it too.
# --config-settings and not -C: Debian 12's pip is older than the short form.
install_oocmap() {
  local stamp
  stamp="$(hash_of_sources)"
  if [[ "$(cat .venv/oocmap.stamp 2> /dev/null)" != "$stamp" || ! -e build/oocmap.so \
        || ! -e build/release/build.ninja ]]; then
    say "Building oocmap and installing it into .venv"
    forget_foreign_tree build/release
    .venv/bin/pip install -v --disable-pip-version-check --no-build-isolation --no-deps --force-reinstall . \
      --config-settings=build-dir=build/release \
      --config-settings=install.strip=false \
      --config-settings=cmake.define.OOCMAP_TESTS=ON \
      --config-settings=cmake.define.OOCMAP_WERROR=ON
    link_extension
    echo "$stamp" > .venv/oocmap.stamp
  fi
}

# What the wheel is made of. Not git's list: this also works in a tarball, or where git distrusts the owner.
hash_of_sources() {
  find CMakeLists.txt pyproject.toml README.md LICENSE cmake core sqlite_ext python tests/CMakeLists.txt \
    -name __pycache__ -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum
}

# CMake refuses a tree that was configured elsewhere (a copied or moved folder).
forget_foreign_tree() {
  if [[ -e "$1/CMakeCache.txt" ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$1/CMakeCache.txt"; then
    rm -rf "$1"
  fi
}

# A link and not a copy: a second oocmap.so in a process is a second image, which OOCMap refuses.
link_extension() {
  local installed
  installed="$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/oocmap/oocmap.so"
  ln -sfn "../${installed#"$PWD"/}" build/oocmap.so
}
