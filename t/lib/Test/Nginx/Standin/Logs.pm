package Test::Nginx::Standin::Logs;

# The error log and the access log: the window that each check sees, the
# patterns, and what remains to be said of a log when its server is gone.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Test::Nginx::Standin::Settings;
use Test::Nginx::Standin::Config qw(error_log_file access_log_file);

my $position = 0;       # up to which the error log has been checked
my $open_book = 0;      # whether the present log still has to be gone through
my $writer;             # name of the last block that wrote it
my @claimed;            # patterns of the blocks that wrote it

my $POLL = 0.002;


sub new_book {
    $position = 0;
    $open_book = 1;
    $writer = $setting{block_name};
    @claimed = ();
}


# The log of a server that ended, or that is about to be removed. Another block
# may already be under way then.
sub close_book {
    return if !$open_book;
    $open_book = 0;
    local $setting{block_name} = $writer;
    my $log = whole();
    keep($log);
    for my $line (split /\n/, $log) {
        if ($line =~ /Assertion .* failed/) {
            report(0, 'no assertion fails', "in the error log: $line");
        }
        elsif ($line =~ /\[(?:alert|crit|emerg)\]/) {
            next if grep { $line =~ $_->{regex} } @claimed;
            warn(($setting{block_name} // '') . " - in the error log: $line\n");
        }
    }
}


sub keep {
    my ($log) = @_;
    my $path = $ENV{TEST_NGINX_ERROR_LOG};
    return if !defined $path || $path eq '' || $log eq '';
    open my $file, '>>', $path or bail_out("cannot append to $path: $!");
    binmode $file;
    print {$file} $log;
    close $file;
}


sub writer  { $writer // '' }
sub whole   { read_from(error_log_file(), 0) }


# The last lines that say why nginx does not start, as one line.
sub serious {
    my @lines = grep { /\[(?:alert|crit|emerg)\]/ } split /\n/, whole();
    splice @lines, 0, @lines - 3 if @lines > 3;
    return join ' | ', @lines;
}


sub read_from {
    my ($path, $from) = @_;
    open my $file, '<', $path or return '';
    binmode $file;
    seek $file, $from, 0;
    local $/;
    return scalar(<$file>) // '';
}


# Position 0 at the start of a block; its own patterns claim what they match.
sub begin_block {
    my ($block) = @_;
    $position = 0;
    $writer = $setting{block_name};
    claim(qr/\[emerg\]/)
        if grep { defined section($block, $_) } qw(must_die reload_fails);
    push @claimed, map { patterns($block, $_) } qw(error_log no_error_log);
    push @claimed, one_pattern($block, 'grep_error_log')
        if defined section($block, 'grep_error_log');
}


# What is known of already is not warned of once more.
sub claim { push @claimed, { regex => $_[0] } }


# Text: each line is a literal. An array: literals and regexes. Nothing else.
sub patterns {
    my ($block, $name) = @_;
    my $value = section($block, $name);
    return if !defined $value;
    return compile($name, $value) if ref $value eq 'Regexp';
    return map { compile($name, $_) } @$value if ref $value eq 'ARRAY';
    bail_out("--- $name: neither text nor a regex nor an array") if ref $value;
    return map { compile($name, $_) } grep { $_ ne '' } split /\r?\n/, $value;
}


sub compile {
    my ($name, $value) = @_;
    return { text => "$value", regex => $value } if ref $value eq 'Regexp';
    bail_out("--- $name: an entry is neither text nor a regex")
        if ref $value || !defined $value;
    $value =~ s/\n\z//;
    # It would be in every line.
    bail_out("--- $name: an empty pattern") if $value eq '';
    return { text => $value, regex => qr/\Q$value\E/ };
}


sub one_pattern {
    my ($block, $name) = @_;
    my $value = section($block, $name);
    # No line holds its own end: it could never be found.
    bail_out("--- $name: a literal with a newline; use chomp, or one line")
        if !ref $value && $value =~ /\n/;
    return compile($name, $value);
}


# One check of the log sections. ended: nginx is gone, so nothing more will come.
sub judge {
    my ($block, $repeat, $ended) = @_;
    my $wait = section($block, 'wait');
    sleep seconds($wait) if defined $wait && !$ended;

    my %want = map { $_ => [patterns($block, $_)] }
        qw(error_log no_error_log access_log no_access_log);
    my $grep = section($block, 'grep_error_log');
    # Nobody will look at what is passed over here.
    return if !defined $grep && !grep { @$_ } values %want;

    my ($from, $log, $access) = ($setting{accum_log} ? 0 : $position);
    my $read = sub {
        $log = read_from(error_log_file(), $from);
        $access = @{ $want{access_log} } || @{ $want{no_access_log} }
            ? read_from(access_log_file(), 0) : '';
    };
    my $only_expected = !defined $grep
        && !@{ $want{no_error_log} } && !@{ $want{no_access_log} };
    my $complete = sub {
        return all_found($log, $want{error_log})
            && all_found($access, $want{access_log});
    };
    if ($ended) {
        $read->();
    }
    else {
        settle($read, $only_expected ? sub {
            $complete->() ? length($log) + length $access : undef;
        } : undef);
        await($read, $complete);
    }
    $position = $from + length $log;

    my @lines = split /\n/, $log;
    expect('error_log', \@lines, @{ $want{error_log} });
    forbid('no_error_log', \@lines, @{ $want{no_error_log} });
    compare_grep($block, $repeat, \@lines) if defined $grep;
    @lines = split /\n/, $access;
    expect('access_log', \@lines, @{ $want{access_log} });
    forbid('no_access_log', \@lines, @{ $want{no_access_log} });
}


# nginx may still write of a response that is already here. All the time is
# given to it, except where lines are only expected ($size_when_found answers
# the size of the logs) and they are there and nothing more seems to come.
sub settle {
    my ($read, $size_when_found) = @_;
    my $deadline = time + 3 * $setting{sleep};
    if (!$size_when_found) {
        sleep 3 * $setting{sleep};
        $read->();
        return;
    }
    my $before;
    while (1) {
        $read->();
        my $size = $size_when_found->();
        return if defined $size && defined $before && $size == $before;
        return if time >= $deadline;
        $before = $size;
        sleep $POLL;
    }
}


# Of a busy machine: what is expected comes late.
sub await {
    my ($read, $complete) = @_;
    my $deadline = time + $setting{log_patience};
    until ($complete->() || time >= $deadline) {
        sleep 10 * $POLL;
        $read->();
    }
}


sub all_found {
    my ($log, $patterns) = @_;
    return 1 if !@$patterns;
    my @lines = split /\n/, $log;
    for my $pattern (@$patterns) {
        return 0 if !found($pattern, \@lines);
    }
    return 1;
}


sub found {
    my ($pattern, $lines) = @_;
    my $regex = $pattern->{regex};
    for my $line (@$lines) {
        return 1 if $line =~ $regex;
    }
    return 0;
}


sub expect {
    my ($name, $lines, @patterns) = @_;
    for my $pattern (@patterns) {
        my $found = found($pattern, $lines);
        report($found, "$name has '$pattern->{text}'",
               $found ? () : 'last lines: ' . tail($lines));
    }
}


# Each line that has it is a failure of its own.
sub forbid {
    my ($name, $lines, @patterns) = @_;
    for my $pattern (@patterns) {
        my $regex = $pattern->{regex};
        my @bad = grep { $_ =~ $regex } @$lines;
        report(0, "$name: no line has '$pattern->{text}'", "but: $_") for @bad;
        report(1, "$name: no line has '$pattern->{text}'") if !@bad;
    }
}


sub compare_grep {
    my ($block, $repeat, $lines) = @_;
    my $regex = one_pattern($block, 'grep_error_log')->{regex};
    my $out = section($block, 'grep_error_log_out');
    defined $out or bail_out('--- grep_error_log without grep_error_log_out');
    if (ref $out eq 'ARRAY') {
        $repeat <= $#$out
            or bail_out("--- grep_error_log_out: no entry for repeat $repeat");
        $out = $out->[$repeat];
    }
    my $got = '';
    for my $line (@$lines) {
        $got .= substr($line, $-[0], $+[0] - $-[0]) . "\n" if $line =~ $regex;
    }
    Test::Nginx::Socket::is_str($got, expand_env($out),
                                "$setting{block_name} - grep_error_log_out");
}


# The debug lines that make up most of a log say little of a missing line.
sub tail {
    my ($lines) = @_;
    my @lines = grep { !/ \[debug\] / } @$lines;
    splice @lines, 0, @lines - 10 if @lines > 10;
    return @lines ? join("\n    ", '', @lines) : '(none above debug)';
}


sub report {
    my ($ok, $what, @why) = @_;
    my $builder = Test::More->builder;
    $builder->ok($ok, ($setting{block_name} // '') . " - $what");
    $builder->diag(@why) if !$ok && @why;
}

1;
