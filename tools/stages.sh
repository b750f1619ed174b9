# Sourced by ./run: the stages of test, lint and check, and their summary.

STAGE_LINES=()
STAGES_FAILED=0

# stage NAME COMMAND...: runs it, notes its time and outcome, and goes on if it failed.
stage() {
  local name="$1" started=$SECONDS status=0
  shift
  say "$name"
  # errexit is off inside any command that is tested, so the stage runs untested, in a shell of its own.
  set +e
  (set -e; "$@")
  status=$?
  set -e
  local outcome=ok
  ((status == 0)) || { outcome=FAILED; STAGES_FAILED=$((STAGES_FAILED + 1)); }
  note_stage "$outcome" $((SECONDS - started)) "$name"
}

note_stage() {
  local line
  line="$(printf '%-7s %5d s  %s' "$1" "$2" "$3")"
  STAGE_LINES+=("$line")
  echo "$line"
}

# The sanitizers read their own memory map, which a chroot without /proc does not show.
sanitizer_stage() {
  if [[ -r /proc/self/maps ]]; then
    stage "$@"
  else
    say "$1"
    note_stage SKIPPED 0 "$1 (needs /proc, which is not mounted here)"
  fi
}

summary() {
  say "Summary"
  printf '%s\n' "${STAGE_LINES[@]}"
  ((STAGES_FAILED == 0)) || fail "$STAGES_FAILED of ${#STAGE_LINES[@]} stages failed."
}

# --- lint -----------------------------------------------------------------------------------------

lint_stages() {
  stage "clang-format" check_cpp_format
  stage "clang-tidy" check_clang_tidy
  stage "ruff check" .venv/bin/ruff check .
  stage "ruff format" .venv/bin/ruff format --check .
  stage "mypy --strict" .venv/bin/mypy
  stage "mypy --strict on examples of use" .venv/bin/mypy tests/typing/examples.py
  stage "basedpyright on examples of use" .venv/bin/basedpyright --project pyproject.toml
  stage "types of all public names" check_public_types
}

# It looks for the package where the first python of the PATH looks.
check_public_types() {
  PATH="$PWD/.venv/bin:$PATH" .venv/bin/basedpyright --verifytypes oocmap --ignoreexternal
}

cpp_files() {
  find core sqlite_ext python/native tests bench -name '*.cc' -print0 -o -name '*.h' -print0
}

check_cpp_format() {
  cpp_files | xargs -0 -r clang-format --dry-run -Werror
}

# A tree that is only configured: clang-tidy needs the commands and the generated headers, no objects.
check_clang_tidy() {
  configure lint --preset dev -DOOCMAP_PYTHON=ON -DOOCMAP_TESTS=OFF -DPython_EXECUTABLE="$PWD/.venv/bin/python"
  cmake --build build/lint --target oocmap_generated_headers
  "$PYTHON" tools/run_clang_tidy.py --jobs "$CMAKE_BUILD_PARALLEL_LEVEL" build/lint core sqlite_ext python/native
}

# --- check ----------------------------------------------------------------------------------------

# configure TREE ARGUMENTS...: configures build/TREE, quietly unless that fails.
configure() {
  local tree="build/$1" log
  shift
  forget_foreign_tree "$tree"
  log="$(cmake -B "$tree" "$@" 2>&1)" || { echo "$log"; return 1; }
}

build_and_test() {
  local tree="$1"
  configure "$tree" --preset "$tree"
  cmake --build "build/$tree"
  ctest --test-dir "build/$tree" --output-on-failure --no-tests=error
}

# Neither is looked for, so that a machine which has both proves the same as one which has none.
check_core_alone() {
  build_and_test core
}

# Longer than in ./run test; of the installed package.
check_state_machine() {
  OOCMAP_STATE_RUNS=1000 run_pytest tests/scenarios/test_state_machine.py
}

# The C++ tests, those of the extension among them; then the SQL scripts in a shell with the sanitizer loaded first.
check_asan_ubsan() {
  export ASAN_OPTIONS=strict_string_checks=1:check_initialization_order=1
  export UBSAN_OPTIONS=print_stacktrace=1
  build_and_test asan-ubsan
  # libstdc++ too: the shell is a C program, and the sanitizer looks for __cxa_throw when it starts.
  OOCMAP_SO="$PWD/build/asan-ubsan/oocmap.so" ASAN_OPTIONS=detect_leaks=0 \
    OOCMAP_SQLITE3_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libstdc++.so)" \
    run_pytest tests/test_sql_scripts.py tests/scenarios/test_docs_sql.py
}

# The package built with both sanitizers, in a Python that loads them first: its own tests and mutants
# of files. Not the tests of fork: the child of a process with threads waits for ever in g++ 12's
# allocator of the sanitizer, which does not survive it (glibc's does). Nor those of guards: they
# start processes with other libraries preloaded, little address space, or a copy of oocmap.so.
check_asan_python() {
  local site="$PWD/build/asan-ubsan/site"
  configure asan-ubsan --preset asan-ubsan -DOOCMAP_PYTHON=ON -DPython_EXECUTABLE="$PWD/.venv/bin/python"
  cmake --build build/asan-ubsan --target oocmap _native
  cmake --install build/asan-ubsan --prefix "$site" > /dev/null
  cp python/src/oocmap/*.py* "$site/oocmap/"
  local under=(env PYTHONPATH="$site" PYTHONMALLOC=malloc UBSAN_OPTIONS=print_stacktrace=1
    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1  # leaks: check_python_leaks
    LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libstdc++.so)")
  "${under[@]}" .venv/bin/python -c "import oocmap; assert oocmap.__file__.startswith('$site'), oocmap.__file__"
  "${under[@]}" .venv/bin/python -m pytest -q -p no:cacheprovider \
    --ignore-glob='*fork*' --ignore-glob='*guards*' tests/python
  OOCMAP_TORTURE=ci "${under[@]}" .venv/bin/python -m pytest -q -p no:cacheprovider tests/torture/test_mutants.py
}

# Tests that run threads say so in their name: the others would only be slower.
# setarch -R: with much address-space randomization g++ 12's runtime finds its own range taken.
check_tsan() {
  export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
  local fixed_addresses=()
  if setarch -R true 2> /dev/null; then fixed_addresses=(setarch -R); fi
  configure tsan --preset tsan
  cmake --build build/tsan
  "${fixed_addresses[@]}" ctest --test-dir build/tsan --output-on-failure --no-tests=ignore -R 'Thread|Concurren'
}

# Python tests of the installed package under LeakSanitizer, which needs no build of its own; each
# file in a process, whose end is when it looks. First it has to find a leak that is planted: where
# it cannot look (no ptrace), nothing would ever be found.
check_python_leaks() {
  local library file status=0
  library="$(g++ -print-file-name=liblsan.so)"
  local under=(env PYTHONMALLOC=malloc LD_PRELOAD="$library" LSAN_OPTIONS=exitcode=23:fast_unwind_on_malloc=1)
  local planted="import ctypes, oocmap; ctypes.CDLL(None).malloc(1234)"
  "${under[@]}" .venv/bin/python -c "$planted" 2> /dev/null || status=$?
  ((status == 23)) || fail "LeakSanitizer did not find a planted leak, so it would find none (exit code $status)."
  # Not test_array.py: it starts processes that import numpy, which leaks.
  for file in map lazy_dict lazy_list values transactions views snapshot set eager key_range load_jsonl sql; do
    PYTHONPATH=tools "${under[@]}" .venv/bin/python -m pytest -q -p no:cacheprovider -p leaks_pytest \
      "tests/python/test_$file.py"
  done
}

# --- torture --------------------------------------------------------------------------------------

# torture_stages SIZE [NAME]: a stage for each file of tests/torture, or for tests/torture/test_NAME.py.
torture_stages() {
  export OOCMAP_TORTURE="$1"
  local file found=0
  for file in tests/torture/test_*.py; do
    [[ -z "${2-}" || "$file" == "tests/torture/test_$2.py" ]] || continue
    found=1
    stage "torture ($1): $(basename "$file" .py | cut -c 6-)" run_pytest "$file"
  done
  ((found)) || fail "No test \"${2-}\" in tests/torture: give the X of a test_X.py there."
}
