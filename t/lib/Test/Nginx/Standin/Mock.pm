package Test::Nginx::Standin::Mock;

# The mock backend of --- tcp_listen: a child process that serves one connection
# and reports what it read through a pipe.

use strict;
use warnings;

use Errno qw(EADDRINUSE);
use Socket qw(AF_INET AF_UNIX SOCK_STREAM SOL_SOCKET SO_REUSEADDR IPPROTO_TCP
              TCP_NODELAY INADDR_LOOPBACK pack_sockaddr_in pack_sockaddr_un);
use Time::HiRes qw(sleep time);

use Test::Nginx::Standin::Settings;
use Test::Nginx::Standin::Process qw(is_owner start_child);

my %running;    # pid => 1

# Pieces that leave in one go would arrive as one.
my $BETWEEN_PIECES = 0.002;
my $BIND_PATIENCE  = 5;


# undef if the block wants none.
sub start {
    my ($block) = @_;
    my $where = section($block, 'tcp_listen');
    return undef if !defined $where;
    my $script = script_of($block);
    my $listener = listener(expand_env($where));
    pipe my $report, my $writer or bail_out("pipe: $!");
    my $child = start_child(sub { $running{ $_[0] } = 1 }, sub {
        $SIG{PIPE} = 'IGNORE';
        close $report;
        serve($listener, $script, $writer);
    });
    return { pid => $child, report => $report };
}


sub script_of {
    my ($block) = @_;
    my $query = section($block, 'tcp_query');
    my %script = (
        until    => section($block, 'tcp_query_len')
                    // (defined $query ? length $query : undef),
        reply    => section($block, 'tcp_reply'),
        no_close => defined section($block, 'tcp_no_close'),
        shutdown => section($block, 'tcp_shutdown'),
    );
    for my $name (qw(reply_delay shutdown_delay)) {
        my $delay = section($block, "tcp_$name");
        $script{$name} = defined $delay ? seconds($delay) : 0;
    }
    $script{shutdown} = 1
        if defined $script{shutdown} && $script{shutdown} !~ /\d/;
    return \%script;
}


sub listener {
    my ($where) = @_;
    $where =~ s/\A\s+|\s+\z//g;
    my ($family, $address);
    if ($where =~ /\A\d+\z/) {
        ($family, $address) = (AF_INET, pack_sockaddr_in($where, INADDR_LOOPBACK));
    }
    elsif ($where =~ /\.sock\z/) {
        unlink $where if -S $where;
        ($family, $address) = (AF_UNIX, pack_sockaddr_un($where));
    }
    else {
        bail_out("--- tcp_listen: '$where' is neither a port nor a PATH.sock");
    }
    socket my $socket, $family, SOCK_STREAM, 0 or bail_out("socket: $!");
    setsockopt $socket, SOL_SOCKET, SO_REUSEADDR, 1 if $family == AF_INET;
    my $deadline = time + $BIND_PATIENCE;
    until (bind $socket, $address) {
        $! == EADDRINUSE && time < $deadline
            or bail_out("--- tcp_listen: cannot bind to $where: $!");
        sleep 0.02;
    }
    listen $socket, 16 or bail_out("--- tcp_listen: cannot listen on $where: $!");
    return $socket;
}


# Runs in the child.
sub serve {
    my ($listener, $script, $writer) = @_;
    accept my $socket, $listener or die "tcp_listen: accept: $!\n";
    close $listener;
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;

    my $query = '';
    my $until = $script->{until};
    while (1) {
        my $got = sysread $socket, $query, 65536, length $query;
        last if !$got || !defined $until || length $query >= $until;
    }
    write_all($writer, $query);
    close $writer;

    sleep $script->{reply_delay} if $script->{reply_delay};
    my $reply = $script->{reply};
    $reply = $reply->($query) if ref $reply eq 'CODE';
    my @pieces = ref $reply eq 'ARRAY' ? @$reply : defined $reply ? $reply : ();
    for my $i (0 .. $#pieces) {
        sleep $BETWEEN_PIECES if $i;
        write_all($socket, $pieces[$i]) or last;
    }
    if (defined $script->{shutdown}) {
        sleep $script->{shutdown_delay} if $script->{shutdown_delay};
        shutdown $socket, $script->{shutdown};
    }
    # The connection lasts until the parent ends this process.
    sleep 3600 if $script->{no_close};
    close $socket;
}


sub write_all {
    my ($handle, $bytes) = @_;
    my $sent = 0;
    while ($sent < length $bytes) {
        my $wrote = syswrite $handle, $bytes, length($bytes) - $sent, $sent;
        return 0 if !defined $wrote;
        $sent += $wrote;
    }
    return 1;
}


# Ends the mock; answers what it had read, '' if nobody came.
sub finish {
    my ($mock, $wants_query) = @_;
    my $query = '';
    if ($wants_query) {
        my $deadline = time + seconds($setting{timeout});
        my $bit = '';
        vec($bit, fileno $mock->{report}, 1) = 1;
        while ((my $left = $deadline - time) > 0) {
            my $found = select my $readable = $bit, undef, undef, $left;
            next if $found < 0;
            last if !$found;
            sysread $mock->{report}, $query, 65536, length $query or last;
        }
    }
    end_process($mock->{pid});
    return $query;
}


sub end_process {
    my ($child) = @_;
    kill KILL => $child;
    waitpid $child, 0;
    delete $running{$child};
}


sub tear_down {
    return if !is_owner();
    end_process($_) for keys %running;
}

1;
