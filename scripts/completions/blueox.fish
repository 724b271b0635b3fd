# SPDX-License-Identifier: ISC
# fish completion for oxview, oxctl, oxd and oxrun.  Options are what --help says; oxview tells the types and fields of the log directory
# that the command line names, or OXVIEW_LOG_PATH.

function __blueox_options
    for line in (command $argv[1] --help 2>/dev/null)
        set -l found (string match -r '^ +(?:-[a-zA-Z], *)?(--[a-z][a-z-]*)(?:[ =]\S+)? +(.*)$' -- $line)
        and printf '%s\t%s\n' $found[2] $found[3]
    end
end

function __oxview_complete
    set -l words (commandline -opc)
    set -l about
    for i in (seq (count $words))
        switch $words[$i]
            case -l --log-path
                set -a about --log-path $words[(math $i + 1)]
            case -n --type-name
                set -l next (math $i + 1)
                test $next -le (count $words); and set -a about --type-name $words[$next]
        end
    end
    command oxview --complete $argv[1] $about 2>/dev/null
end

function __oxview_fields
    set -l before (string match -r '^.*,' -- (commandline -ct))
    __oxview_complete fields | string replace -r '^' "$before"
end

complete -c oxview -s n -l type-name -x -a '(__oxview_complete types)'
complete -c oxview -s l -l log-path -x -a '(__fish_complete_directories)'
for o in by fields where
    complete -c oxview -s (string sub -l 1 $o) -l $o -x -a '(__oxview_fields)'
end
for o in table stats histogram sort watch
    complete -c oxview -l $o -x -a '(__oxview_fields)'
end
for p in oxview oxctl oxd
    complete -c $p -n 'string match -q -- "-*" (commandline -ct)' -a "(__blueox_options $p)"
end
complete -c oxctl -f -n 'test (count (commandline -opc)) -eq 1' -a '(command oxctl --help 2>/dev/null | string replace -rf "^  ([a-z]+) .*" "\$1")'
complete -c oxrun -n 'string match -q -- "-*" (commandline -ct); and test (count (commandline -opc)) -eq 1' -a '(__blueox_options oxrun)'
complete -c oxrun -n 'not string match -q -- "-*" (commandline -ct)' -a '(__fish_complete_subcommand)'
