# The gateway for partners as README has it: nginx starts with that
# configuration, and the requests below it are answered when they are pasted.

use strict;
use warnings;

use FindBin ();
use IO::Socket::UNIX;
use Test::More;

use Workspaces::Gateway;
use Workspaces::Process qw(room free_port end_of_process patience run_child
                           start_process until_true);
use Workspaces::RedisServer;

for my $tool (qw(curl openssl)) {
    plan skip_all => "$tool is needed" if system("command -v $tool >/dev/null");
}

my $manual = do {
    open my $in, '<', "$FindBin::Bin/../README.md" or die "README.md: $!";
    local $/;
    <$in>;
};
my ($chapter) = $manual =~ /^(## A gateway for partners\n.*?)(?=^## )/ms
    or BAIL_OUT('README has no such chapter');
my ($config) = $chapter =~ /^```nginx\n(.*?)^```$/ms;
my ($script) = $chapter =~ /^```sh\n(.*?)^```$/ms;
ok($config && $script, 'README has a configuration, and requests to it');

my $redis = Workspaces::RedisServer->started;
my $room = room();
my $port = free_port();

# What the backend is sent, as it answers it.
my $backend = "$room/backend";
{
    my $listening = IO::Socket::UNIX->new(Local => $backend, Listen => 8)
        or die "$backend: $!";
    run_child('backend', sub {
        while (my $client = $listening->accept) {
            my $bytes = '';
            until ($bytes =~ /\r\n\r\n/) {
                sysread $client, $bytes, 65536, length $bytes or last;
            }
            my ($head) = split /\r\n\r\n/, $bytes;
            my $said = join '', map { "told $_\n" } split /\r\n/, $head;
            syswrite $client, "HTTP/1.0 200 OK\r\nContent-Length: "
                . length($said) . "\r\n\r\n$said";
            close $client;
        }
    });
    close $listening;
}

# Only where things are is another place here.
my $gateway = Workspaces::Gateway->new(redis => $redis);
my %here = (
    'load_module modules/ngx_http_workspaces_module.so;' =>
        join('', map { "load_module $_;\n" }
                 split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '')
        . ($> == 0 ? "user root;\n" : '')
        . "daemon off; pid $gateway->{dir}/nginx.pid;"
        . " error_log $gateway->{log} info;",
    'events {}' => 'events {}',
    'http {' => "http { access_log off; "
        . join(' ', map { "${_}_temp_path $gateway->{dir}/tmp/$_;" }
                        qw(client_body proxy fastcgi uwsgi scgi)),
    'unix:/run/redis/redis.sock' => $redis->url,
    '/etc/nginx/workspaces.keys' => "$gateway->{dir}/seal.keys",
    '127.0.0.1:8080' => "127.0.0.1:$port",
    'http://127.0.0.1:9000' => "http://unix:$backend",
    '/run/workspaces/operator.sock' => "$room/operator.sock",
);
for my $there (sort keys %here) {
    my $count = $config =~ s/\Q$there\E/$here{$there}/g;
    ok($count, "the configuration has $there");
    $script =~ s/\Q$there\E/$here{$there}/g;
}
unlike($config =~ s/\Q$room\E//gr, qr{/(?:run|etc)/}, 'and no other place');

$gateway->{unix} = undef;
$gateway->{port} = $port;
$gateway->write_config(text => $config)->start;
until_true(10 * patience(), sub {
    my $got = $gateway->client->write("GET /v1/candidates HTTP/1.1\r\n"
        . "Host: g\r\n\r\n")->answer;
    return $got->{status} == 401;
});
unlike($gateway->said, qr/\[(?:warn|error)\]/, 'nginx starts without a word');

# As it is pasted, but for what may be heard of a moment later.
$script = "cd '$room'\ncurl() { command curl --max-time 20 \"\$@\"; echo; }\n"
    . $script;
my $status = end_of_process(start_process(log => "$room/pasted",
    command => ['bash', '-euo', 'pipefail', '-c', $script]));
my $said = do {
    open my $in, '<', "$room/pasted" or die "pasted: $!";
    local $/;
    <$in>;
};
is($status, 0, 'the requests are made') or diag $said;
is(join(' ', $said =~ m{^HTTP/1\.1 (\d+)}mg), '202 202 202 200 409 403',
   'each is answered as README says') or diag $said;
my %told = $said =~ /^told ([^:\n]+): (.*?)\r?$/mg;
is($told{'X-ATS-Client-ID'}, 'acme-corp', 'the backend is told the client');
is($told{'X-ATS-User-ID'}, 'recruiter-001', '... and the user');
is($told{'X-Workspace-Tenant'}, 'some-ats', '... and the partner');
is($told{'X-API-Key'}, undef, '... and no key');

# -- what is promised around it

sub asks {
    my ($times, $client) = @_;
    my $request = "GET /v1/candidates HTTP/1.1\r\nHost: g\r\n"
        . "X-API-Key: x\r\nX-ATS-Client-ID: $client\r\n\r\n";
    return $gateway->client->write($request x $times);
}
my $got;
until_true(20 * patience(), sub {
    my $client = asks(300, 'y');
    for (1 .. 300) {
        $got = $client->answer;
        return 1 if $got->{status} == 429;
    }
    return 0;
});
is("$got->{status} $got->{body}", '429 {"detail":"Too many requests"}',
   'who asks too often is told so in the same shape');
is($got->{headers}{'content-type'}, 'application/json', '... as JSON');
is(asks(1, 'z')->answer->{status}, 401,
   '... and no other client with him');

$gateway->finish;
$redis->stop;
done_testing;
