# Sourced by ./run: the SQL clients that tests/clients starts. A client that cannot be installed is no failure of ours: its
# tests are skipped, and the summary names it.

readonly CLIENT_PACKAGES=(
  chromium chromium-driver fonts-dejavu-core        # Datasette's pages are opened in it
  default-jdk-headless libxerial-sqlite-jdbc-java   # JDBC
  unixodbc libsqliteodbc                            # ODBC: isql and the driver
)

set_up_clients() {
  if ! install_clients; then
    echo "Some SQL clients are not installed; their tests will be skipped." >&2
  fi
  make_clients_venv
  link_oocmap_into_clients_venv
}

# All at once, or one by one where a package is not to be had (Ubuntu has no chromium package of Debian's kind).
# In shells of their own: install_packages ends the shell when it may not install.
install_clients() {
  local package all=1
  [[ -n "$(missing_packages "${CLIENT_PACKAGES[@]}")" ]] || return 0
  may_install || return 1
  (install_packages "${CLIENT_PACKAGES[@]}") && return 0
  for package in $(missing_packages "${CLIENT_PACKAGES[@]}"); do
    (install_packages "$package") || all=0
  done
  ((all))
}

# Apart from .venv: what a client needs shall not decide what oocmap is tested with.
make_clients_venv() {
  local venv=build/clients-venv stamp requirement
  stamp="$("$PYTHON" --version) $PYTHON $PWD $(sha256sum < requirements-clients.txt)"
  [[ "$(cat "$venv/requirements.stamp" 2> /dev/null)" == "$stamp" ]] && return
  say "Making $venv: $(grep -c == requirements-clients.txt) packages from PyPI"
  rm -rf "$venv"
  "$PYTHON" -m venv "$venv"
  if ! "$venv/bin/pip" install -q --disable-pip-version-check -r requirements-clients.txt; then
    # Not stamped: tried again next time.
    for requirement in $(grep == requirements-clients.txt); do
      "$venv/bin/pip" install -q --disable-pip-version-check "$requirement" || true
    done
    return 0
  fi
  echo "$stamp" > "$venv/requirements.stamp"
}

# The package that is tested, and no second copy: what is installed into .venv next is there, too.
link_oocmap_into_clients_venv() {
  local query='import sysconfig; print(sysconfig.get_path("platlib"))'
  ln -sfn "$(.venv/bin/python -c "$query")/oocmap" "$(build/clients-venv/bin/python -c "$query")/oocmap"
}

# One line for each client whose tests were skipped, into the summary: tests/clients/conftest.py wrote them down.
note_clients_not_tested() {
  local line
  [[ -s build/clients-not-tested.txt ]] || return 0
  while read -r line; do note_stage SKIPPED 0 "NOT TESTED: $line"; done < build/clients-not-tested.txt
}
