#compdef quillgate
# Completion of quillgate for zsh. The program itself lists what can follow.
_quillgate() {
	local line word
	local -a list
	for line in "${(@f)$($words[1] complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
		word=${line%%$'\t'*}
		case $word in
		'') ;;
		:files) compset -P '--[^=]#='; _files ;;
		:folders) compset -P '--[^=]#='; _files -/ ;;
		*) list+=("${word//:/\\:}:${line#*$'\t'}") ;;
		esac
	done
	if (( $#list )); then
		_describe -V quillgate list
	fi
}
if [ "$funcstack[1]" = _quillgate ]; then
	_quillgate
else
	compdef _quillgate quillgate
fi
