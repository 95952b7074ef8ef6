# Completion of quillgate for fish. The program itself lists what can follow.
function __quillgate_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case ':files*' ':folders*'
                __fish_complete_path (string replace -r '^--[^=]*=' '' -- $words[-1])
            case '*'
                echo $line
        end
    end
end
complete -c quillgate -f -a '(__quillgate_complete)'
