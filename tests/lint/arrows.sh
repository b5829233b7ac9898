#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The arrows between the folders of core/, as docs/architecture.md draws them: which folders the
# files of each one may include. Plugins and the SDK see nothing of the core.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

declare -A may=(
    [base]=""
    [loop]="base"
    [config]="base loop"
    [net]="base loop"
    [store]="base loop"
    [plugin]="base loop config"
    [gateway]="base loop config net store"
    [turn]="base loop config net store plugin gateway"
    [host]="base loop config net store plugin gateway turn sched"
    [sched]="base loop config net store plugin gateway turn"
    [ops]="base loop config net store plugin gateway turn host sched"
    [main]="base loop config net store plugin gateway turn host sched ops"
)

# The quoted includes of a file, as "line header".
includes() {
    grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$1" |
        sed 's/^\([0-9]*\):[^"]*"\([^"]*\)".*/\1 \2/'
}

for folder in $(sources 'core/*.c' 'core/*.h' | sed -n 's|^core/\([^/]*\)/.*|\1|p' | sort -u); do
    if [ -z "${may[$folder]+known}" ]; then
        verdict "core/$folder has its place in the house" "say in tests/lint/arrows.sh what it may include"
        continue
    fi
    findings=$(sources "core/$folder/*.c" "core/$folder/*.h" | while read -r file; do
        includes "$file" | while read -r line header; do
            target=${header%%/*}
            [ "$target" != "$header" ] && [ -d "core/$target" ] || continue
            case " $folder ${may[$folder]} " in
            *" $target "*) ;;
            *) printf '%s:%s: includes "%s": core/%s may use only: %s\n' \
                "$file" "$line" "$header" "$folder" "${may[$folder]:-itself}" ;;
            esac
        done
    done)
    verdict "core/$folder includes only what is below it" "$findings"
done

# A quoted include of a plugin or of the SDK is found beside the file, at its folder or in the SDK.
outside() {
    local file=$1 root=$2 line header
    includes "$file" | while read -r line header; do
        [ -f "$(dirname "$file")/$header" ] || [ -f "$root/$header" ] || [ -f "sdk/include/$header" ] ||
            [ "$header" = config.h ] || printf '%s:%s: includes "%s", which is not its own\n' "$file" "$line" "$header"
    done
    grep -nE '^[[:space:]]*#[[:space:]]*include.*(core/|\.\./)' "$file" | sed "s|^|$file:|"
}

findings=$(sources 'plugins/*.c' 'plugins/*.h' | while read -r file; do
    case $file in */tests/*) continue ;; esac
    outside "$file" "$(cut -d/ -f1,2 <<<"$file")"
done)
verdict "plugins include only the SDK and themselves" "$findings"

findings=$(sources 'sdk/*.c' 'sdk/*.h' | while read -r file; do
    outside "$file" "$(cut -d/ -f1,2 <<<"$file")"
done)
verdict "the SDK includes nothing of the core" "$findings"
finish
