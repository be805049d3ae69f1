# Requests that nginx makes by itself: includes, auth_request, mirrors,
# internal redirects; with and without Redis, and with clients that go away.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Workspaces::Gateway;
use Workspaces::Process qw(room patience until_true);
use Workspaces::RedisProxy;
use Workspaces::RedisServer;

my $redis = Workspaces::RedisServer->started;
my $proxy = Workspaces::RedisProxy->started(redis => $redis);
my $pages = room() . '/pages';
mkdir $pages or die "$pages: $!";

sub page {
    my ($name, $text) = @_;
    open my $file, '>', "$pages/$name" or die "$name: $!";
    print {$file} $text;
    close $file or die "$name: $!";
    return;
}

sub include { return qq(<!--#include virtual="/api/workspaces$_[0]" -->) }

my $gateway = Workspaces::Gateway->started(redis => $proxy,
    options => 'timeout=10s', server => <<"END_OF_SERVER");
root $pages;
location /pages/ { alias $pages/; ssi on; ssi_silent_errors off; }
location /guarded { auth_request /api/workspaces; return 204; }
location /checked { auth_request /api/workspaces; alias $pages/; }
location /mirrored { mirror /api/workspaces; alias $pages/; }
location /missing { error_page 404 = /api/workspaces; return 404; }
location /rewritten { rewrite ^ /api/workspaces last; }
location /tried { try_files /nothing /api/workspaces; }
END_OF_SERVER

my $get = sub {
    my ($path, %more) = @_;
    my $client = $gateway->client;
    my $text = Workspaces::Client::request_text(GET => '', tenant => 'acme',
        user => 'ann', %more);
    $text =~ s{ /api/workspaces }{ $path };
    return $client->write($text);
};

$gateway->ask_until(200, 5, GET => '', tenant => 'acme', user => 'ann');
my $id = $gateway->ask(POST => '', tenant => 'acme', user => 'ann',
                       json => { name => 'Berlin' })->json->{_id};
page('one.html', 'a ' . include("/$id") . ' b');
page('many.html', join '|', map { include("/$id?n=$_") } 1 .. 10);
page('mixed.html', join '|', include("/$id"), include('/999'), include(''));
page('plain.html', 'plain');

my ($worker) = $gateway->workers;

sub is_served {
    my ($what) = @_;
    my $got = $get->('/pages/one.html')->answer;
    is($got->{status}, 200, "$what: a page with an include");
    like($got->{body}, qr/^a \{.*"Berlin".*\} b$/, "$what: has it in it");
    my $names = () = $get->('/pages/many.html')->answer->{body} =~ /Berlin/g;
    is($names, 10, "$what: ten includes");
    is($get->('/checked/plain.html')->answer->{body}, 'plain',
       "$what: auth_request lets a known user in");
    is($get->('/checked/plain.html', user => '')->answer->{status}, 401,
       "$what: auth_request keeps others out");
    is($get->('/mirrored/plain.html')->answer->{body}, 'plain',
       "$what: a mirrored request");
    return;
}

is_served('at first');
like($get->('/pages/mixed.html')->answer->{body},
     qr/Berlin.*\|.*not found.*\|.*Berlin/s, 'includes that fail are told');
for my $path (qw(/rewritten /tried)) {
    my $got = $get->($path)->answer;
    is($got->{status}, 200, "$path: an internal redirect");
    like($got->{body}, qr/Berlin/, "$path: is served");
}
like($get->('/missing')->answer->{body}, qr/Berlin/, 'as an error page');

# -- clients that go away meanwhile
for my $path (qw(/pages/one.html /pages/many.html /pages/mixed.html
                 /checked/plain.html /mirrored/plain.html /rewritten /tried
                 /missing))
{
    $proxy->set(frozen => 1);
    my @clients = map { $get->($path) } 1 .. 20;
    sleep 0.05 * patience();
    $_ % 2 ? $clients[$_]->abort : $clients[$_]->close for 0 .. $#clients;
    sleep 0.05 * patience();
    $proxy->set(frozen => 0);
    is($gateway->ask(GET => '', tenant => 'acme', user => 'ann')->{status},
       200, "$path aborted: others are served");
}
is_served('after the aborts');

# -- aborts while the answers come
$proxy->set(delay => 0.001);
for my $round (1 .. 30) {
    my @clients = map { $get->("/pages/$_.html") } qw(one many mixed many);
    sleep 0.001 * ($round % 10);
    $_->abort for @clients;
}
$proxy->set(delay => 0);
is_served('after more aborts');

# -- without Redis
$redis->stop('KILL');
until_true(5 * patience(), sub {
    $gateway->ask(GET => '', tenant => 'acme', user => 'ann')->{status} == 503;
});
is($get->('/pages/one.html')->answer->{status}, 200,
   'without Redis: a page is served');
is($get->('/checked/plain.html')->answer->{status}, 500,
   'without Redis: auth_request lets nobody in');
is($get->('/mirrored/plain.html')->answer->{body}, 'plain',
   'without Redis: a mirrored request is served');
is($get->('/rewritten')->answer->{status}, 503, 'without Redis: 503');

is_deeply([$gateway->workers], [$worker], 'the worker is the same');
$gateway->finish;
$proxy->stop;
done_testing;
