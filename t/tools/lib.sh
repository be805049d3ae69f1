# Sourced by the scripts here: where things are, and a few small words.
# shellcheck shell=bash

set -eu

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$tools/../.." && pwd)
build=${BUILD:-$top/build}
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
module=ngx_http_workspaces_module

# Debian has nginx and redis-server in sbin directories, which the PATH of an
# ordinary user lacks
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# nginx takes a variable of this name for its list of inherited sockets
unset NGINX

# called by make, these scripts choose the jobs of the makes they start
unset MAKEFLAGS MFLAGS MAKELEVEL

say() {
    printf '== %s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# make in the core, without the directory messages that a script cannot use
core_make() {
    make -s --no-print-directory -j "$jobs" -C "$top/core" BUILD="$build" "$@"
}

# free_ports N: the first of N ports in a row free on every address, below
# the range that outgoing connections take theirs from, and above the one that
# single tests take theirs from (t/lib/Workspaces/Process.pm)
free_ports() {
    perl -MIO::Socket::INET -e '
        my $n = shift;
        TRY: for (1 .. 200) {
            my $first = 20000 + int rand 10000;
            for my $port ($first .. $first + $n - 1) {
                IO::Socket::INET->new(LocalAddr => "0.0.0.0",
                                      LocalPort => $port, Listen => 1)
                    or next TRY;
            }
            print $first;
            exit;
        }
        die "no free port\n"' "$1"
}

# hold_shares N: sets first_port to the first of N shares of 25 ports in a
# row, which are free and this script's own until it ends: another run, begun
# at the same moment, cannot have them, for each share's last port is taken.
# The process that does so is $holder.
hold_shares() {
    # shellcheck disable=SC2016
    exec {shares}< <(exec perl -MIO::Socket::INET -e '
        my ($n, $owner) = @ARGV;
        sub taken {
            return IO::Socket::INET->new(LocalAddr => "0.0.0.0",
                                         LocalPort => $_[0], Listen => 1);
        }
        $| = 1;
        TRY: for (1 .. 200) {
            my $first = 20000 + 25 * int rand 400 - $n;
            my @guards;
            for my $share (map { $first + 25 * $_ } 0 .. $n - 1) {
                push @guards, taken($share + 24) || next TRY;
                taken($_) || next TRY for $share .. $share + 23;
            }
            print "$first\n";
            sleep 1 while getppid == $owner;
            exit;
        }
        die "no free ports\n"' "$1" $$)
    holder=$!
    read -r first_port <&"$shares" || die "no ports for this run"
    exec {shares}<&-
}

# running PIDFILE WORD: the process exists and is the one meant: the kernel
# may have given its number to somebody else, so WORD must be in its command
running() {
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 1
    [ -n "$pid" ] || return 1
    tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline" | grep -qF -- "$2"
}

# stop PIDFILE WORD [SIGNAL]: ends it, waits until it is gone
stop() {
    local pid i
    running "$1" "$2" || return 0
    pid=$(cat "$1")
    kill "-${3:-TERM}" "$pid" || return 0
    for i in $(seq 100); do
        running "$1" "$2" || return 0
        # a zombie has no command line; anything else is still at work
        [ "$i" -lt 100 ] || kill -KILL "$pid"
        sleep 0.1
    done
}

# What nginx and the module are compiled with for the sanitizers, beside the
# core's own (core/Makefile).  nginx reads unaligned words on purpose where it
# thinks that it may, hands (NULL, 0) to memcpy, has its resolver shift a byte
# of an address into the sign, and moves pointers into a larger buffer for
# headers that are not set yet.
sanitize='-fsanitize=address,undefined'
sanitize="$sanitize -fno-sanitize=nonnull-attribute,shift-base,pointer-overflow"
sanitize_cc="-O1 -g $sanitize -fno-sanitize-recover=undefined \
-fno-omit-frame-pointer -DNGX_HAVE_NONALIGNED=0"

# For programs.  GCC's two shared runtimes get in each other's way: libubsan
# would set the log_path of libasan, and write its own reports to stderr.
sanitize_ld="$sanitize -static-libasan -static-libubsan"

# What the sanitizers are told in a test run: shell commands, with the reports
# going to the directory $SANITIZER_REPORTS.  Commas, for Test::Nginx reads
# log_path up to the next one.  Leaks are left out, for nginx frees nothing at
# exit; the core's own tests look for them.
sanitizer_options() {
    cat << 'END'
export ASAN_OPTIONS=detect_leaks=0,abort_on_error=1,log_path=$SANITIZER_REPORTS/asan
export UBSAN_OPTIONS=print_stacktrace=1,halt_on_error=1,log_path=$SANITIZER_REPORTS/ubsan
END
}
