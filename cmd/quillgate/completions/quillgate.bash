# Completion of quillgate for bash. The program itself lists what can follow.
_quillgate() {
	local line word cut
	local -a words
	# COMP_WORDS is split at = and :, which are parts of words here.
	line=${COMP_LINE:0:COMP_POINT}
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	word=${words[${#words[@]} - 1]}
	cut=${word%"${word##*[=:]}"}
	COMPREPLY=()
	while IFS=$'\t' read -r line _; do
		case $line in
		:files) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "${word#"$cut"}") ;;
		:folders) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "${word#"$cut"}") ;;
		*) COMPREPLY+=("${line#"$cut"} ") ;;
		esac
		[[ $line == *' ' ]] || compopt -o filenames 2>/dev/null
	done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
}
complete -o nospace -F _quillgate quillgate
