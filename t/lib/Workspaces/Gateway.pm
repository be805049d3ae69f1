# An nginx of the test's own with the module in it.
package Workspaces::Gateway;

use strict;
use warnings;

use Carp qw(croak);
use Scalar::Util qw(weaken);
use Test::More ();
use Time::HiRes qw(sleep);

use Workspaces::Client;
use Workspaces::Process qw(room free_port start_process stop_process
                           end_of_process is_running until_true patience);

my $owner = $$;
my $count = 0;
my %started;

# new(...): is not started
#   redis    what follows workspaces_redis, or an object with a url
#   options  more parameters of workspaces_redis; else a timeout that is not
#            over when the machine is busy
#   workers  how many, default 1
#   tcp      listen on a loopback port, not on a unix socket
#   main, http, server, location   more directives
#   keys     lines of the key ring file, default one key
#   modules  loaded before ours
#   single   without a master process
sub new {
    my ($class, %given) = @_;
    my $dir = room() . '/n' . ++$count;
    mkdir $_ or croak "$_: $!" for $dir, "$dir/tmp";
    my $self = bless {
        options => 'timeout=20s connect_timeout=5s',
        %given,
        dir    => $dir,
        unix   => "$dir/s",
        port   => $given{tcp} ? free_port() : undef,
        log    => "$dir/error.log",
        access => "$dir/access.log",
        binary => $ENV{TEST_NGINX_BINARY} || 'nginx',
    }, $class;
    $self->write_keys($given{keys} // 'k1 ' . 'A' x 43 . '=');
    $self->write_config;
    return $self;
}

sub started {
    my ($class, %given) = @_;
    return $class->new(%given)->start;
}

sub write_keys {
    my ($self, $lines) = @_;
    my $old = umask 077;
    open my $file, '>', "$self->{dir}/seal.keys" or croak "seal.keys: $!";
    print {$file} "$lines\n";
    close $file or croak "seal.keys: $!";
    umask $old;
    return $self;
}

# Values given replace those of new(), text is used as it is.
sub write_config {
    my ($self, %given) = @_;
    @{$self}{keys %given} = values %given;
    open my $file, '>', "$self->{dir}/nginx.conf" or croak "nginx.conf: $!";
    $self->{written} = $self->{text} // $self->config;
    print {$file} $self->{written};
    close $file or croak "nginx.conf: $!";
    return $self;
}

sub config {
    my ($self) = @_;
    my $dir = $self->{dir};
    my %part = map { $_ => $self->{$_} // '' } qw(main http server location
                                                  options);
    my $load = join '', map { "load_module $_;\n" }
        @{ $self->{modules} || [] },
        split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';
    my $redis = ref $self->{redis} ? $self->{redis}->url : $self->{redis};
    my $listen = $self->{port} ? "127.0.0.1:$self->{port}"
                               : "unix:$self->{unix}";
    $listen .= ' http2' if $self->{http2};
    # workers of a root's nginx would become somebody who cannot enter $dir
    my $user = $> == 0 ? 'user root;' : '';
    my $master = $self->{single} ? 'master_process off;' : '';
    my $workers = $self->{workers} || 1;

    return <<"END_OF_CONFIG";
$load$user
daemon off;
$master
worker_processes $workers;
pid $dir/nginx.pid;
error_log $dir/error.log info;
$part{main}
events {
    worker_connections 2048;
}
http {
    access_log $dir/access.log;
    client_body_temp_path $dir/tmp/body;
    proxy_temp_path $dir/tmp/proxy;
    fastcgi_temp_path $dir/tmp/fastcgi;
    uwsgi_temp_path $dir/tmp/uwsgi;
    scgi_temp_path $dir/tmp/scgi;
    keepalive_requests 1000000;
    workspaces_redis $redis $part{options};
    workspaces_seal_keys $dir/seal.keys;
    $part{http}
    server {
        listen $listen;
        $part{server}
        location /api/workspaces {
            workspaces platform;
            workspaces_identity trusted tenant=\$http_x_tenant
                user=\$http_x_user admin=\$http_x_admin;
            $part{location}
        }
        location = /alive {
            return 200 alive;
        }
        location = /under-way {
            workspaces_access off;
            stub_status;
        }
    }
}
END_OF_CONFIG
}

sub start {
    my ($self) = @_;
    $self->{pid} = start_process(log => "$self->{dir}/out",
        command => [$self->command]);
    weaken($started{ $self->{dir} } = $self);
    until_true(10 * patience(), sub {
        is_running($self->{pid})
            or croak "nginx ends: " . $self->said . _slurp("$self->{dir}/out");
        return -s "$self->{dir}/nginx.pid" && $self->client->{socket}
            && $self->workers == ($self->{workers} || 1);
    }) or croak 'nginx does not serve';
    return $self;
}

sub command {
    my ($self, @more) = @_;
    return ($self->{binary}, '-p', $self->{dir}, '-e', $self->{log},
            '-c', "$self->{dir}/nginx.conf", @more);
}

# nginx -t: (status, what it said)
sub check_config {
    my ($self) = @_;
    my @command = $self->command('-t');
    my $out = "$self->{dir}/check.out";
    unlink $out;
    my $status = end_of_process(start_process(log => $out,
                                              command => \@command));
    return ($status, _slurp($out));
}

sub pid { return $_[0]{pid} }

# The pids of the workers, of old ones too.
sub workers {
    my ($self) = @_;
    return my @only = $self->{pid} if $self->{single};
    my @pids = split ' ',
        _slurp("/proc/$self->{pid}/task/$self->{pid}/children");
    return @pids;
}

sub client {
    my ($self) = @_;
    return Workspaces::Client->new(config => $self->{written},
        $self->{port} ? (port => $self->{port}) : (unix => $self->{unix}));
}

# One request on a connection of its own.
sub ask {
    my ($self, @request) = @_;
    return $self->client->ask(@request);
}

# Asks until an answer has the status, which is given back, or the last one.
sub ask_until {
    my ($self, $status, $seconds, @request) = @_;
    my $got;
    until_true($seconds * patience(), sub {
        $got = $self->ask(@request);
        return $got->{status} == $status;
    });
    return $got;
}

sub signal {
    my ($self, $signal) = @_;
    kill $signal, $self->{pid} or croak "kill: $!";
    return $self;
}

# Waits until so many requests have been read and not yet been answered.
sub has_under_way {
    my ($self, $wanted) = @_;
    return until_true(10 * patience(), sub {
        my ($n) = $self->client->write("GET /under-way HTTP/1.1\r\n"
            . "Host: gateway\r\n\r\n")->answer->{body} =~ /Writing: (\d+)/;
        return $n && $n - 1 >= $wanted;
    });
}

# Reloads, and waits until only new workers run.
sub reload {
    my ($self, $seconds) = @_;
    my %old = map { $_ => 1 } $self->workers;
    $self->signal('HUP');
    return until_true(($seconds || 10) * patience(), sub {
        my @now = $self->workers;
        return @now && !grep { $old{$_} } @now;
    });
}

# Of a process, in kB.
sub memory {
    my (undef, $pid) = @_;
    my ($kb) = _slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
    return $kb // 0;
}

sub said     { return _slurp($_[0]{log}) }
sub accesses { return _slurp($_[0]{access}) }

# Waits until the error log has the line.
sub has_said {
    my ($self, $what, $seconds) = @_;
    return until_true(($seconds || 5) * patience(),
                      sub { $self->said =~ $what });
}

sub _slurp {
    my ($name) = @_;
    open my $file, '<', $name or return '';
    local $/;
    return scalar <$file> // '';
}

# Stops it, and judges what it has said: two tests.
sub finish {
    my ($self, %given) = @_;
    my $gone = stop_process($self->{pid}, $given{signal} || 'QUIT');
    Test::More::ok($gone, 'nginx ends when it is asked to');
    my $allowed = $given{expected};
    my @bad = grep { !$allowed || $_ !~ $allowed }
        grep { /\[(?:alert|emerg)\]|runtime error: |Sanitizer/ }
        split /\n/, $self->said . _slurp("$self->{dir}/out");
    my $pids = join '|', $self->said =~ /\] (\d+)#\d+: /g;
    my @reports = grep { /\.(?:$pids)$/ }
        glob(($ENV{SANITIZER_REPORTS} || '/nonexistent') . '/*');
    Test::More::is(join("\n", @bad, map { _slurp($_) } @reports), '',
                   'nginx says nothing that no server should say');
    $self->_hand_over;
    return;
}

# To the log that is judged after all tests.
sub _hand_over {
    my ($self) = @_;
    return if $self->{handed_over}++ || !$ENV{TEST_NGINX_ERROR_LOG};
    open my $file, '>>', $ENV{TEST_NGINX_ERROR_LOG} or return;
    print {$file} $self->said;
    close $file;
    return;
}

# A test that dies hands over what there is.
END {
    for my $gateway (grep { $_ } values %started) {
        $gateway->_hand_over if $$ == $owner;
    }
}

1;
