# The page of workspaces_docs in a browser: it lists the operations, and
# "Try it out" asks the API that is mounted beside it.

use strict;
use warnings;

use Test::More;

use Workspaces::Browser;
use Workspaces::Gateway;
use Workspaces::Process qw(room);
use Workspaces::RedisServer;

my $assets = $ENV{TEST_NGINX_SWAGGER_UI} // '';
plan skip_all => 'a browser is slow enough, the sanitizer has t/190-docs.t'
    if $ENV{SANITIZER_REPORTS};
plan skip_all => 'needs Swagger UI: t/tools/fetch.sh swagger-ui <directory>, '
    . 'and TEST_NGINX_SWAGGER_UI=<directory>'
    if !-f "$assets/swagger-ui-bundle.js";
plan skip_all => 'needs ' . join ' and ', Workspaces::Browser->missing
    if Workspaces::Browser->missing;

# A browser sends no header that says who it is.
my $server = <<"END_OF_SERVER";
location /docs { workspaces_docs assets=$assets; }
location /ann {
    workspaces platform;
    workspaces_identity trusted tenant=acme user=ann;
}
location /org { workspaces organization; }
location /loc { workspaces location; }
END_OF_SERVER

my $redis = Workspaces::RedisServer->started;
my $gateway = Workspaces::Gateway->started(redis => $redis, tcp => 1,
                                           server => $server);
is($gateway->ask(POST => '', body => '{"name":"Berlin <b>"}',
                 tenant => 'acme', user => 'ann')->{status},
   200, 'there is a workspace');

my $browser = Workspaces::Browser->started;
$browser->open_page("http://127.0.0.1:$gateway->{port}/docs#/workspaces");

# -- the page lists the operations

sub listed {
    my ($tag) = @_;
    $browser->wait_for('return document.querySelector(arguments[0]) !== null',
                       "#operations-tag-$tag + * .opblock");
    return $browser->run(<<'END_OF_SCRIPT', $tag);
var section = document.querySelector("#operations-tag-" + arguments[0])
                      .closest(".opblock-tag-section");
return Array.from(section.querySelectorAll(".opblock"), function (each) {
    return each.querySelector(".opblock-summary-method").textContent + " " +
        each.querySelector(".opblock-summary-path").dataset.path;
});
END_OF_SCRIPT
}

is_deeply(listed('workspaces'),
          ['GET /', 'POST /', 'GET /all', 'GET /{workspace}',
           'PUT /{workspace}', 'DELETE /{workspace}',
           'POST /{workspace}/activate'],
          'the page lists the operations of workspaces');

# -- and asks them

my $list = '[id^="operations-workspaces-"][id$=".list"]';
$browser->click("$list .opblock-summary-control");
$browser->click("$list .try-out__btn");
$browser->click("$list .execute");
ok($browser->wait_for(
       'return document.querySelector(arguments[0]) !== null',
       "$list .live-responses-table .response-col_status"),
   '"Try it out" is answered');
my ($status, $body, $url) = map {
    $browser->run('var found = document.querySelector(arguments[0]);'
                  . 'return found && found.textContent',
                  "$list .responses-wrapper $_")
} '.live-responses-table .response .response-col_status',
  '.live-responses-table .highlight-code', '.request-url';
like($status, qr/^200/, 'with 200');
like($body, qr/"name": "Berlin <b>"/, 'with the workspace');
like($url, qr{http://127\.0\.0\.1:$gateway->{port}/ann/},
     'from the mount that was chosen');

is(join("\n", $browser->complaints), '',
   "nothing of the page is refused by its policy, and nothing is missing");

# -- the other dialects

for my $other ([organization => 'POST /workspaces/provision'],
               [location => 'POST /workspaces/{workspace}/transfer-ownership'])
{
    my ($dialect, $operation) = @$other;
    $browser->open_page("http://127.0.0.1:$gateway->{port}/docs"
                        . "?urls.primaryName=$dialect#/workspaces");
    ok((grep { $_ eq $operation } @{ listed('workspaces') }),
       "the page lists the operations of $dialect");
}

like($gateway->accesses, qr{GET /ann/ HTTP/1\.1" 200}, 'nginx was asked');
unlike($gateway->accesses, qr{" (?:404|500) }, 'and all was there');

ok($browser->finish, 'the browser ends');
$gateway->finish;
done_testing();
