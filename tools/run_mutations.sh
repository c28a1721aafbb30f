#!/usr/bin/env bash
# Puts faults into a module, or into those of a folder, one at a time, by mutmut, and runs the tests
# that mirror the module or the folder, in .venv (made if needed):
#   tools/run_mutations.sh mmwsss/functional/cpal.py               all faults
#   tools/run_mutations.sh mmwsss/functional/cpal.py '*[37]'       a fifth: numbers that end in 3 or 7
#   tools/run_mutations.sh mmwsss/models/losses '*5'               a tenth, of each module there
#   tools/run_mutations.sh mmwsss/models/clip.py '*' tests/seeds   with further tests
# It prints how many were found (killed), by module, and the names of those that were not;
# `cd build/mutations/MODULE && mutmut show NAME` shows one.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$ROOT"
module="${1:-}"
[ -e "$module" ] || die "which module? for example: tools/run_mutations.sh mmwsss/functional/cpal.py"
name="$(basename "$module" .py)"
mirror="tests/$(dirname "${module#mmwsss/}")/test_$name"
tests=("${@:3}")
for file in "$mirror.py" "${mirror}"_*.py "tests/${module#mmwsss/}"/test_*.py; do
    if [ -f "$file" ]; then tests+=("$file"); fi
done
only="$module"
if [ -d "$module" ]; then only="$module/*.py"; fi
[ "${#tests[@]}" -gt 0 ] || die "no test mirrors $module: there is no $mirror.py"

# a copy, so that no fault is ever in the files that one works on
copy="build/mutations/${module//\//.}"
rm -rf "$copy"
mkdir -p "$copy"
cp -rL mmwsss tests tools configs docs pyproject.toml "$copy"
cd "$copy"
cat >> pyproject.toml <<END

[tool.mutmut]
source_paths = ["mmwsss"]
only_mutate = ["$only"]
also_copy = ["tools", "configs", "docs"]
do_not_mutate_patterns = ['^\s*raise ']  # the words of a message
pytest_add_cli_args = ["-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = [$(printf '"%s", ' "${tests[@]}")]
process_isolation = "forkserver"
timeout_constant = 30.0
END
OMP_NUM_THREADS=1 mutmut run --max-children 1 "*__mutmut_${2:-*}" > mutmut.txt \
    || { tail -n 30 mutmut.txt; exit 1; }
mutmut export-cicd-stats > mutmut.txt
tr -d '\n' < mutants/mutmut-cicd-stats.json
echo
mutmut results --all true | { grep -v ': not checked$' || true; } > mutmut.txt
sed -E 's/\.x[^:]*: /: /' mutmut.txt | sort | uniq -c
grep -v ': killed$' mutmut.txt || true
