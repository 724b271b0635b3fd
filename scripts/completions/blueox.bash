# SPDX-License-Identifier: ISC
# bash completion for oxview, oxctl, oxd and oxrun.  Options are what --help says; oxview tells the types and fields of the log
# directory that the command line names, or OXVIEW_LOG_PATH.

_blueox_options() {
	"$1" --help 2>/dev/null | grep -oE '(^|[ ,])--?[a-zA-Z][a-z-]*' | tr -d ' ,' | sort -u
}

# What the command line has of --log-path and --type-name, as options again.
_oxview_about() {
	local i word next
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]} next=${COMP_WORDS[i + 1]:-}
		[ "$next" = = ] && next=${COMP_WORDS[i + 2]:-}
		case $word in
		-l | --log-path) printf '%s\n' --log-path "$next" ;;
		-n | --type-name) printf '%s\n' --type-name "$next" ;;
		esac
	done
}

_oxview() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} about words before
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	mapfile -t about < <(_oxview_about)
	case $prev in
	-n | --type-name)
		words=$("$1" --complete types "${about[@]}" 2>/dev/null)
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		;;
	-b | --by | -f | --fields | --table | --stats | --histogram | --sort | -w | --where | --watch)
		words=$("$1" --complete fields "${about[@]}" 2>/dev/null)
		before=
		[[ $cur == *,* ]] && before=${cur%,*},
		mapfile -t COMPREPLY < <(compgen -P "$before" -W "$words" -- "${cur##*,}")
		compopt -o nospace 2>/dev/null
		;;
	-l | --log-path) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	--exec | --pager) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_blueox_options "$1")" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		;;
	esac
}

_oxctl() {
	local cur=${COMP_WORDS[COMP_CWORD]}
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_blueox_options "$1")" -- "$cur")
	elif [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$1" --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort -u)" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

_oxd() {
	local cur=${COMP_WORDS[COMP_CWORD]}
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_blueox_options "$1")" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

# Behind oxrun's options stands a command with arguments of its own.
_oxrun() {
	local cur=${COMP_WORDS[COMP_CWORD]} i
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* ]] && continue
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	done
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_blueox_options "$1")" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	fi
}

complete -F _oxview oxview
complete -F _oxctl oxctl
complete -F _oxd oxd
complete -F _oxrun oxrun
