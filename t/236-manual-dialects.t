# The chapters of README on the platform, organization and location dialects:
# nginx starts with the configurations that they show, and the requests below
# are answered as they say when they are pasted.

use strict;
use warnings;

use FindBin ();
use Test::More;

use Workspaces::Gateway;
use Workspaces::Process qw(room free_port end_of_process patience
                           start_process until_true);
use Workspaces::RedisServer;

plan skip_all => 'curl is needed' if system('command -v curl >/dev/null');

my $room = room();
my $port;       # of the gateway that there is now
my $manual = text_of("$FindBin::Bin/../README.md");

sub text_of {
    my ($name) = @_;
    open my $in, '<', $name or die "$name: $!";
    local $/;
    return scalar <$in> // '';
}

sub chapter {
    my ($title) = @_;
    my ($text) = $manual =~ /^## \Q$title\E\n(.*?)(?=^## )/ms
        or BAIL_OUT("README has no chapter $title");
    return $text;
}

sub blocks {
    my ($kind, $text) = @_;
    return $text =~ /^```$kind\n(.*?)^```$/msg;
}

sub timeless {
    my ($json) = @_;
    return $json =~ s/"20\d\d-[^"]*Z"/"TIME"/gr;
}

# The answers that a chapter shows below its first requests: blocks, and
# comments behind a request.
sub shown {
    my ($text) = @_;
    $text =~ s/\A.*?^(?=```sh$)//ms;
    my @shown = blocks(json => $text);
    for my $comment (join("\n", blocks(sh => $text)) =~ /^((?:# .*\n)+)/mg) {
        $comment =~ s/^# +//mg;
        $comment =~ s/\n//g;
        push @shown, $comment if $comment =~ /\A\{.*\}\z/;
    }
    return map { timeless(s/\s+\z//r) } @shown;
}

# Only where things are is another place than in the synopsis.
sub gateway {
    my ($redis, $locations) = @_;
    my $gateway = Workspaces::Gateway->new(redis => $redis);
    $port = free_port();
    my ($config) = blocks(nginx => chapter('Synopsis'));
    my %here = (
        'load_module modules/ngx_http_workspaces_module.so;' =>
            join('', map { "load_module $_;\n" }
                     split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '')
            . ($> == 0 ? "user root;\n" : '')
            . "daemon off; pid $gateway->{dir}/nginx.pid;"
            . " error_log $gateway->{log} info;",
        'http {' => 'http { access_log off; '
            . join(' ', map { "${_}_temp_path $gateway->{dir}/tmp/$_;" }
                            qw(client_body proxy fastcgi uwsgi scgi)),
        'unix:/run/redis/redis.sock' => $redis->url,
        '/etc/nginx/workspaces.keys' => "$gateway->{dir}/seal.keys",
        'listen 127.0.0.1:8080;' => "listen 127.0.0.1:$port; $locations",
    );
    for my $there (sort keys %here) {
        $config =~ s/\Q$there\E/$here{$there}/
            or BAIL_OUT("the synopsis has no $there");
    }
    @{$gateway}{qw(unix port)} = (undef, $port);
    $gateway->write_config(text => $config)->start;
    $gateway->ask_until(200, 10, GET => '', tenant => 'none', user => 'me');
    return $gateway;
}

# The answers to the requests of a chapter: [status, body] each.
sub pasted {
    my ($title) = @_;
    my $requests = join "\n", blocks(sh => chapter($title));
    $requests =~ s/^make run$//m;
    $requests =~ s/127\.0\.0\.1:8080/127.0.0.1:$port/g;
    my $status = end_of_process(start_process(log => "$room/log",
        command => ['bash', '-euo', 'pipefail', '-c', <<"END"]));
cd '$room'
exec 9> answers
curl() {
    command curl -sS --max-time 20 -o answer -w '%{http_code} ' "\$@" >&9
    cat answer
    { cat answer; echo; } >&9
}
$requests
END
    my $answers = text_of("$room/answers");
    is($status, 0, "$title: the requests are made")
        or diag $answers, text_of("$room/log");
    return map { [/\A(\d+) (.*)\z/] } split /\n/, $answers;
}

sub is_as_shown {
    my ($title, $statuses) = @_;
    my @answers = pasted($title);
    my $all = join "\n", map { "@$_" } @answers;
    is(join(' ', map { $_->[0] } @answers), $statuses,
       "$title: each is answered with success") or diag $all;
    my %given = map { timeless($_->[1]) => 1 } @answers;
    for my $each (shown(chapter($title))) {
        ok($given{$each}, "$title: ... as it is shown")
            or diag "$each\nis not among\n$all";
    }
    return;
}

cmp_ok(scalar(map { shown(chapter($_)) } 'Synopsis',
              'The organization dialect', 'The location dialect'), '>=', 4,
       'README shows answers');

# A tenant of its own for each, which begins with workspace 1.
for my $statuses (
    { 'Synopsis' => '200', 'The platform dialect' => '200 200' },
    { 'The organization dialect' => '201 200 200 201' },
    { 'The location dialect' => '201 201 201 200 200' },
) {
    my @titles = sort keys %$statuses;
    my $redis = Workspaces::RedisServer->started;
    my $gateway = gateway($redis, join '', map {
        $_ eq 'Synopsis' ? () : (blocks(nginx => chapter($_)))[0] // ''
    } @titles);
    is_as_shown($_, $statuses->{$_}) for @titles;
    unlike($gateway->said, qr/\[(?:warn|error)\]/, "@titles: without a word");
    $gateway->finish;
    $redis->stop;
}

done_testing;
