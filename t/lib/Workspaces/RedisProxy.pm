# Stands between the gateway and Redis, on a unix socket, and does what goes
# wrong on the way.  It knows commands and replies, one at a time.
#
# Its state is a hash that the test sets while it runs:
#   frozen    nothing is taken and nothing is given
#   delay     seconds before each reply
#   split     replies go out in single bytes
#   corrupt   so many replies are replaced by random bytes
# and what its hook makes of more.  The hook gets the words of a command and
# the state, and answers undef, or one of
#   { reply => bytes }    Redis is not asked
#   { lose => 1 }         Redis does it, its reply is lost and the link cut
#   { cut => 1 }          Redis is not asked, the link is cut
package Workspaces::RedisProxy;

use strict;
use warnings;

use Carp qw(croak);
use IO::Handle;
use IO::Select;
use IO::Socket::UNIX;
use JSON ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);
use Time::HiRes qw(sleep time);

use Workspaces::Process qw(room run_child stop_process);
use Workspaces::Resp qw(resp_end resp_value);

my $count = 0;

# started(redis => server or undef, hook => code, state => {...})
sub started {
    my ($class, %given) = @_;
    my $path = room() . '/p' . ++$count;
    my $listening = IO::Socket::UNIX->new(Local => $path, Listen => 128)
        or croak "$path: $!";
    socketpair my $mine, my $its, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or croak "socketpair: $!";
    $mine->autoflush(1);
    $its->autoflush(1);
    my $pid = run_child('proxy', sub {
        close $mine;
        _serve(listening => $listening, control => $its,
               target => $given{redis} && $given{redis}->socket,
               hook => $given{hook}, state => $given{state} || {});
    });
    close $its;
    return bless { pid => $pid, path => $path, control => $mine }, $class;
}

sub url { return "unix:$_[0]{path}" }

# Sets values, and answers the whole state.
sub set {
    my ($self, %values) = @_;
    print { $self->{control} } JSON::encode_json(\%values), "\n";
    my $line = readline $self->{control};
    croak 'the proxy is gone' unless defined $line;
    return JSON::decode_json($line);
}

sub state { return $_[0]->set }

# Cuts all connections.
sub cut { return $_[0]->set(cut_now => 1) }

sub stop { return stop_process($_[0]{pid}, 'KILL') }

# -- in the child

sub _serve {
    my (%its) = @_;
    my $state = $its{state};
    my $select = IO::Select->new($its{listening}, $its{control});
    my %links;
    while () {
        my @ready = $select->can_read(1);
        for my $socket (@ready) {
            if ($socket == $its{control}) {
                my $line = readline $socket;
                return unless defined $line;
                %$state = (%$state, %{ JSON::decode_json($line) });
                if (delete $state->{cut_now}) {
                    _close($select, \%links, $_) for values %links;
                }
                $state->{links} = keys %links;
                print {$socket} JSON::encode_json($state), "\n";
                # frozen: only the control is listened to
                for my $other ($its{listening},
                               map { $_->{client} } values %links) {
                    $state->{frozen} ? $select->remove($other)
                                     : $select->add($other);
                }
            } elsif ($socket == $its{listening}) {
                my $client = $socket->accept or next;
                my $redis = $its{target}
                    ? IO::Socket::UNIX->new(Peer => $its{target}) : undef;
                if ($its{target} && !$redis) {
                    close $client;
                    next;
                }
                $links{ fileno $client } = { client => $client, in => '',
                                             redis => $redis };
                $select->add($client);
            } else {
                my $number = fileno($socket) // next;   # closed just now
                my $link = $links{$number} or next;
                next if $state->{frozen};
                _take($link, \%its) or _close($select, \%links, $link);
            }
        }
    }
}

sub _close {
    my ($select, $links, $link) = @_;
    $select->remove($link->{client});
    delete $links->{ fileno $link->{client} };
    close $link->{client};
    close $link->{redis} if $link->{redis};
    return;
}

# What came from the gateway; false: the link has ended.
sub _take {
    my ($link, $its) = @_;
    my $state = $its->{state};
    sysread $link->{client}, $link->{in}, 1 << 20, length $link->{in}
        or return 0;
    while (length $link->{in}) {
        my $end = resp_end(\$link->{in}, 0) // last;
        my $at = 0;
        my $words = resp_value(\$link->{in}, \$at);
        my $bytes = substr $link->{in}, 0, $end, '';
        my $does = $its->{hook} && $its->{hook}->($words, $state) || {};
        return 0 if $does->{cut};
        my $reply = $does->{reply} // _ask($link, $bytes) // return 0;
        return 0 if $does->{lose};
        sleep $state->{delay} if $state->{delay};
        if ($state->{corrupt}) {
            $state->{corrupt}--;
            $reply = join '', map { chr int rand 256 } 1 .. 40;
        }
        _give($link, $reply, $state) or return 0;
    }
    return 1;
}

sub _ask {
    my ($link, $bytes) = @_;
    my $at = 0;
    while ($at < length $bytes) {
        $at += syswrite($link->{redis}, $bytes, 65536, $at) // return;
    }
    my $reply = '';
    until (length $reply && defined resp_end(\$reply, 0)) {
        sysread $link->{redis}, $reply, 1 << 20, length $reply or return;
    }
    return $reply;
}

sub _give {
    my ($link, $reply, $state) = @_;
    my $piece = $state->{split} ? 1 : 65536;
    for (my $at = 0; $at < length $reply;) {
        my $n = syswrite($link->{client}, $reply, $piece, $at) // return 0;
        $at += $n;
        select undef, undef, undef, 0.0002 if $state->{split};
    }
    return 1;
}

1;
