#!/bin/bash
# Checks libworkspaces.so:  check-lua.sh LIBRARY
#
#   - it exports the functions of core/workspaces.h, and nothing else
#   - it uses nothing that does input, output or waits, and no clock: whoever
#     drives it does all of that

. "$(dirname "$0")/lib.sh"

so=${1:?library}
failed=0

# say_which NAME LINES: none, or what is wrong
say_which() {
    if [ -z "$2" ]; then
        echo "ok - ${so##*/} $1"
    else
        failed=1
        echo "not ok - ${so##*/} $1"
        printf '%s\n' "$2" | sed 's/^/#   /'
    fi
}

wanted=$(awk '/FFI-END/ { on = 0 }
              on { while (match($0, /wsp_[a-z_]+\(/)) {
                       print substr($0, RSTART, RLENGTH - 1)
                       $0 = substr($0, RSTART + RLENGTH) } }
              /FFI-BEGIN/ { on = 1 }' "$top/core/workspaces.h" | sort -u)
[ -n "$wanted" ] || die "no functions in core/workspaces.h"
exported=$(nm -D --defined-only "$so" | awk '{ print $NF }' | sort)
say_which "exports the functions of workspaces.h only" \
    "$(diff <(echo "$wanted") <(echo "$exported") | grep '^[<>]' || :)"

forbidden='socket|connect|bind|listen|accept4?|shutdown
    send|sendto|sendmsg|recv|recvfrom|recvmsg|getaddrinfo|gethostby.*
    poll|ppoll|select|pselect|epoll_.*|eventfd|pipe2?
    open|open64|openat|openat64|creat|fopen|fopen64|fdopen|mmap|ioctl|fcntl.*
    read|write|pread.*|pwrite.*|readv|writev|fread|fwrite|fgets|fputs|puts
    f?printf|vf?printf|__f?printf_chk|__vf?printf_chk|putchar|perror|syslog
    time|gettimeofday|clock|clock_gettime|localtime.*|timer_.*
    sleep|usleep|nanosleep|clock_nanosleep|pause|wait|waitpid|sem_.*
    pthread_create|thrd_create|fork|vfork|exec.*|posix_spawn.*|system|popen
    signal|sigaction|kill|raise|getenv'
pattern=$(echo "$forbidden" | tr -s ' \n' '|')
say_which "does no input or output, and looks at no clock" \
    "$(nm -D --undefined-only "$so" | awk '{ sub(/@.*/, "", $NF); print $NF }' \
        | grep -xE "$pattern" || :)"

exit $failed
