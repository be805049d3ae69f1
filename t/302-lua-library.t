# What resty.workspaces takes and refuses: its shared library, its options,
# identities, sealed data, bodies.

use strict;
use warnings;

use Digest::SHA ();
use JSON ();
use MIME::Base64 ();
use Test::More;

use Workspaces::Gateway;
use Workspaces::Http2;
use Workspaces::Lua qw(lua_missing lua_modules lua_http);
use Workspaces::Process qw(end_of_process patience room start_process
                           until_true);
use Workspaces::RedisServer;

my $missing = lua_missing();
plan skip_all => $missing if $missing;

my $redis = Workspaces::RedisServer->started;
my $room = room();

sub file {
    my ($name, $text, $mode) = @_;
    open my $file, '>', "$room/$name" or die "$name: $!";
    print {$file} $text;
    close $file or die "$name: $!";
    chmod $mode // 0600, "$room/$name" or die "$name: $!";
    return "$room/$name";
}

sub http {
    my ($init) = @_;
    my $text = lua_http(redis => $redis);
    # so that nginx -t refuses what init refuses
    $text =~ s/(workspaces = require "resty.workspaces"\n)/$1$init\n/ or die;
    $text =~ s/(init_worker_by_lua_block \{).*?\n    \}/$1 workspaces.init() }/s
        or die;
    return $text;
}

# nginx -t runs no Lua.  Starts it, and answers its status and what it said.
sub refusal {
    my ($http) = @_;
    my $gateway = Workspaces::Gateway->new(redis => $redis,
        modules => [lua_modules()], http => $http);
    my $status = end_of_process(start_process(log => "$gateway->{dir}/out",
        command => [$gateway->command]));
    return ($status, $gateway->said);
}

# -- refused at start, in words
{
    my $url = $redis->url;
    my $open = file('open', 'k1 ' . 'A' x 43 . "=\n", 0644);
    my $odd = file('odd', "k1 short\n");
    my $secret = file('secret', 'x' x 32);
    my $short = file('short', 'x' x 8);
    for my $case (
        ['{}' => qr/redis is missing/],
        ['{ redis = "redis//x" }' => qr/redis: /],
        [qq({ redis = "$url", que = 1 }) => qr/unknown option "que"/],
        [qq({ redis = "$url", queue = 0 }) => qr/queue is no such number/],
        [qq({ redis = "$url", timeout = "2s" }) =>
             qr/timeout is no such number/],
        [qq({ redis = "$url", timeout = 3e6 }) =>
             qr/timeout is no such number/],
        [qq({ redis = "$url", queue = 2e6 }) => qr/queue is no such number/],
        [qq({ redis = "$url", invitation_ttl = 4e7 }) =>
             qr/invitation_ttl is no such number/],
        [qq({ redis = "$url" } workspaces.init { redis = "$url" }) =>
             qr/init has its options already/],
        [qq({ redis = "$url", identity = "ann" }) =>
             qr/identity is no function/],
        [qq({ redis = "$url", seal_keys = "$room/none" }) =>
             qr/cannot open "[^"]*none": No such file/],
        [qq({ redis = "$url", seal_keys = "$open" }) =>
             qr/"[^"]*open" is readable by others than its owner/],
        [qq({ redis = "$url", seal_keys = "$odd" }) => qr/line 1/],
        [qq({ redis = "$url", identity = workspaces.jwt {} }) =>
             qr/jwt: key, secret or jwks is missing/],
        [qq({ redis = "$url", identity = workspaces.jwt {
              secret = "$short", issuer = "i", audience = "a" } }) =>
             qr/jwt: /],
        [qq({ redis = "$url", identity = workspaces.jwt {
              secret = "$secret", issuer = "i", audience = "a", x = 1 } }) =>
             qr/jwt: unknown option "x"/],
        [qq({ redis = "$url", identity = workspaces.jwt {
              secret = "$secret", issuer = "i", audience = "a",
              leeway = -1 } }) => qr/jwt: leeway is no number/],
        [qq({ redis = "$url", identity = workspaces.jwt {
              secret = "$secret", audience = "a" } }) => qr/jwt: .*issuer/],
    ) {
        my ($options, $why) = @$case;
        my ($status, $said) = refusal(http("workspaces.init $options"));
        isnt($status, 0, "refused: $options");
        like($said, $why, "in words: $options");
        unlike($said, qr/xxxxxxxx|AAAAAAAA/, "without secrets: $options");
    }
}

# -- what cannot begin, and is begun again, harms nothing
{
    my $url = $redis->url;
    my $http = "lua_max_pending_timers 0;\n"
        . http(qq(workspaces.init { redis = "$url" }));
    $http =~ s/workspaces\.init\(\) /
        for i = 1, 2 do
            local ok, err = pcall(workspaces.init)
            ngx.log(ngx.ERR, "begun: ", ok, " ", err)
        end /x or die;
    my $gateway = Workspaces::Gateway->started(redis => $redis,
        modules => [lua_modules()], http => $http);
    ok($gateway->has_said(qr/begun: false .*no timer: too many pending/),
       'no timer is left');
    ok($gateway->has_said(qr/begun: false .*init has no options/),
       'it is not begun twice');
    $gateway->reload;
    unlike($gateway->said, qr/exited on signal/, 'no worker crashes');
    $gateway->finish;
}

# -- another build of the shared library
{
    my $lib = "$room/other";
    mkdir $lib or die "$lib: $!";
    my $load = sub {
        my ($source) = @_;
        open my $c, '>', "$lib/a.c" or die "a.c: $!";
        print {$c} "$source\n";
        close $c;
        system('cc', '-shared', '-fPIC', '-o', "$lib/libworkspaces.so",
               "$lib/a.c") == 0 or die 'cc';
        my $http = http('');
        $http =~ s{lua_package_cpath "[^;]*}{lua_package_cpath "$lib/?.so}
            or die;
        return refusal($http);
    };
    my ($status, $said) = $load->('int wsp_abi_version(void) { return 99; }');
    isnt($status, 0, 'a library of another version is refused');
    like($said, qr/libworkspaces\.so has version 99 of the ABI, these Lua files have version \d+: install both from one build/,
         'in words');
    ($status, $said) = $load->('int something_else;');
    isnt($status, 0, 'so is one that is none');
    like($said, qr/libworkspaces\.so has no version of the ABI/, 'in words');
}

# -- the manual's synopsis, and what is shown of its functions, on paths of our
# own
{
    open my $in, '<', 'lua-compat/README.md' or die "README.md: $!";
    my $manual = do { local $/; <$in> };
    my ($http) = $manual =~ /^```nginx\nhttp \{\n(.*?)^\}\n```/ms
        or die 'no synopsis';
    my @locations = $manual =~ /^```nginx\n(location .*?)^```/msg;
    is(scalar @locations, 4, 'the manual shows locations');
    my @lua = $manual =~ /^```lua\n(.*?)^```/msg;
    my ($partners) = grep { /^partners = /m } @lua;
    my ($check) = grep { /workspaces\.check/ } @lua;
    ok($partners && $check, '... and what they use');
    $check =~ s/"acme", user = "alice", workspace = 17/"manual",
        user = "ann", workspace = ngx.var.arg_id/ or die;
    # the one with an error_page takes the place of the synopsis' own
    $http =~ s/^ +location \/api\/workspaces \{.*?^ +\}\n//ms or die;
    $http =~ s/(= require "resty.workspaces"\n)/$1$partners/ or die;
    $http =~ s/^    \}\n\z/@locations
        location = \/check { content_by_lua_block {
            $check ngx.say("in") } }\n    }\n/m or die;
    my $gateway = Workspaces::Gateway->new(redis => $redis,
        modules => [lua_modules()]);
    my $keys = file('synopsis', 'k1 ' . 'A' x 43 . "=\n");
    my $lua = $ENV{WORKSPACES_LUA};
    my $url = $redis->url;
    for ($http) {
        s{"/usr/local/share/lua/5.1/}{"$lua/};
        s{"/usr/local/lib/lua/5.1/}{"$lua/};
        s{"unix:/run/redis/redis.sock"}{"$url"};
        s{/etc/nginx/workspaces.keys}{$keys};
        s{listen 127.0.0.1:8080;}{listen unix:$gateway->{unix};};
        s{allow 127.0.0.1;}{allow unix:;};
        s{http://(?:docs|backend)}{http://unix:$gateway->{dir}/docs}g;
    }
    $http .= "server { listen unix:$gateway->{dir}/docs; return 200
        \"docs of \$http_x_workspace_name\$http_x_api_key\"; }\n";
    my $config = $gateway->config;
    $config =~ s/(http \{\n.*?)    workspaces_redis.*/$1$http}\n/s or die;
    $gateway->write_config(text => $config)->start;
    my %ann = (tenant => 'manual', user => 'ann');
    is($gateway->ask_until(200, 5, GET => '', %ann)->{status}, 200,
       "the manual's synopsis is served");
    is($gateway->ask(POST => '', %ann, json => { name => 'Berlin' })
               ->{status}, 200, 'a workspace is made');
    my $ask = sub {
        my ($method, $path, $body, @headers) = @_;
        my $length = length $body;
        return $gateway->client->write(join("\r\n", "$method $path HTTP/1.1",
            'Host: a', "Content-Length: $length", @headers, '', '') . $body)
            ->answer;
    };
    my $docs = sub {
        return $ask->(GET => '/docs/a', '', 'X-Tenant: manual',
                      "X-User: $_[0]", 'X-Workspace-ID: 1');
    };
    is($docs->('ann')->{body}, 'docs of Berlin', 'a member gets in');
    is($docs->('bob')->{status}, 404, 'a stranger does not');

    is($ask->(POST => '/v2/tenants/organizations', '{"name":"A"}',
              'X-Tenant: other', 'X-User: ann')->{status}, 201,
       'another dialect at another mount');
    my $long = $ask->(POST => '/api/workspaces', 'x' x (1 << 20) . 'x',
                      'X-Tenant: manual', 'X-User: ann');
    is($long->{status}, 413, 'what nginx refuses by itself');
    like($long->{body}, qr/^\{"message":"[^"]+"\}$/, "in the dialect's shape");

    my $partner = JSON::decode_json($ask->(POST => '/operator/partners',
        '{"id":"shown","name":"P"}')->{body});
    my @key = "X-API-Key: $partner->{api_key}";
    is($ask->(POST => '/v1/workspaces', '{"client_id":"c","name":"Client",'
        . '"admin_name":"N","admin_email":"n@x.y"}', @key)->{status}, 202,
       'a partner provisions a client');
    my $entity = sub {
        return $ask->(GET => '/v1/candidates', '', @key,
                      'X-ATS-Client-ID: c', @_);
    };
    is($entity->('X-ATS-User-ID: n@x.y')->{body}, 'docs of ',
       'a member of it gets to the backend, the key does not');
    is($entity->('X-ATS-User-ID: other')->{status}, 403, 'no one else does');
    is($entity->()->{status}, 422, 'nor nobody');

    is($ask->(GET => '/check?id=1', '')->{body}, "in\n", 'a check admits');
    is($ask->(GET => '/check?id=2', '')->{status}, 403, 'and refuses');
    $gateway->finish;
}

# -- a gateway with all of it
my $jwt_secret = '0123456789abcdef0123456789abcdef';
my $secret_file = file('jwt', "$jwt_secret\n");
my $keys_file = file('ring', 'k1 ' . 'A' x 43 . "=\n");
my $url = $redis->url;
my $init = <<"END";
    tokens = workspaces.jwt { secret = "$secret_file", issuer = "here",
                              audience = "us", leeway = 0 }
    keys = workspaces.api_key()
    workspaces.init { redis = "$url", seal_keys = "$keys_file" }
END

my $gateway = Workspaces::Gateway->started(redis => $redis,
    keys => 'k1 ' . 'A' x 43 . '=',
    modules => [lua_modules()], http => http($init), server => <<"END");
    workspaces_identity off;
    location /lua {
        content_by_lua_block {
            workspaces.content("platform", { mount = "/lua",
                                             identity = caller })
        }
    }
    location /small {
        client_body_buffer_size 1k;
        content_by_lua_block {
            workspaces.content("platform", { mount = "/small",
                                             identity = caller })
        }
    }
    location /v1 {
        content_by_lua_block {
            workspaces.content("partner", { mount = "/v1", identity = keys })
        }
    }
    location /operator {
        content_by_lua_block {
            workspaces.content("operator", { mount = "/operator" })
        }
    }
    location /default {
        content_by_lua_block {
            workspaces.content("platform", { mount = "/default" })
        }
    }
    location = /unknown {
        content_by_lua_block {
            ngx.say(pcall(workspaces.content, "klingon"))
        }
    }
    location = /jwt/module {
        workspaces_identity jwt secret=$secret_file issuer=here audience=us
                                leeway=0s;
        workspaces_access on;
        empty_gif;
    }
    location = /jwt/lua {
        access_by_lua_block { workspaces.access { identity = tokens } }
        empty_gif;
    }
    location = /key/module {
        workspaces_identity api_key;
        workspaces_access on;
        empty_gif;
    }
    location = /key/lua {
        access_by_lua_block { workspaces.access { identity = keys } }
        empty_gif;
    }
    location = /odd {
        content_by_lua_block {
            ngx.say(pcall(workspaces.access, { identity = function()
                return { tenant = "acme", user = { "ann", "bob" } }
            end }))
        }
    }
    location = /nobody {
        access_by_lua_block { workspaces.access() }
        empty_gif;
    }
    location = /calls {
        content_by_lua_block {
            local args = ngx.unescape_uri(ngx.var.args)
            local ok, err = pcall(assert(loadstring("workspaces." .. args)))
            ngx.say(ok, " ", err)
        }
    }
    location = /settings {
        content_by_lua_block {
            local d = workspaces.check { tenant = "acme", user = "ann",
                roles = { "a", "b" }, workspace = 1,
                settings = { "color", "none", "size" } }
            ngx.say(d.settings.color, " ", d.settings.none, " ",
                    d.settings.size)
        }
    }
    location = /seal {
        content_by_lua_block {
            local args = ngx.req.get_uri_args()
            local blob, err = workspaces.seal { tenant = "acme",
                workspace = args.workspace, slot = args.slot, data = "hello" }
            if not blob then
                return ngx.say("seal: ", err)
            end
            local function try(what)
                local text, why = workspaces.open(what)
                ngx.say(text or why)
            end
            try { tenant = "acme", workspace = args.workspace,
                  slot = args.slot, blob = blob }
            try { tenant = "acme", workspace = 2, slot = args.slot,
                  blob = blob }
            try { tenant = "acme", workspace = args.workspace,
                  slot = args.slot, blob = blob .. "x" }
        }
    }
    location = /open {
        content_by_lua_block {
            ngx.req.read_body()
            ngx.say((workspaces.open { tenant = "acme", workspace = 1,
                                       blob = ngx.req.get_body_data() }))
        }
    }
END

sub answer {
    my ($method, $path, $headers, $body) = @_;
    $body //= '';
    return $gateway->client->write("$method $path HTTP/1.1\r\nHost: a\r\n"
        . join('', map { "$_\r\n" } @{ $headers || [] })
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body")->answer;
}

my @ann = ('X-Tenant: acme', 'X-User: ann');
ok(until_true(10 * patience(), sub {
    answer(GET => '/lua', \@ann)->{status} == 200
        && answer(GET => '/api/workspaces', \@ann)->{status} == 200;
}), 'it is served');
my $made = answer(POST => '/lua', \@ann, '{"name":"A"}');
is($made->{status}, 200, 'there is a workspace');

# -- identities, as the module takes them
sub token {
    my (%claims) = @_;
    my $text = join '.', map {
        my $part = MIME::Base64::encode(JSON->new->canonical->encode($_), '');
        $part =~ tr{+/=}{-_}d;
        $part;
    } { alg => 'HS256' }, { iss => 'here', aud => 'us', exp => time + 600,
                            tenant => 'acme', sub => 'ann', %claims };
    my $signature = MIME::Base64::encode(
        Digest::SHA::hmac_sha256($text, $jwt_secret), '');
    $signature =~ tr{+/=}{-_}d;
    return "Authorization: Bearer $text.$signature";
}

$redis->ask('HSET', 'wsp:k:'
    . substr(`printf %s good | b2sum -l 256`, 0, 64),
    tenant => 'acme', user => 'ann');
my @here = ('X-Workspace-ID: 1');
for my $case (
    ['a token' => 200, 'jwt', token()],
    ['one of a stranger' => 404, 'jwt', token(sub => 'bob')],
    ['an old one' => 401, 'jwt', token(exp => time - 600)],
    ['one for others' => 401, 'jwt', token(aud => 'them')],
    ['a forged one' => 401, 'jwt', token() . 'x'],
    ['two' => 400, 'jwt', token(), token()],
    ['two in other letters' => 400, 'jwt', token(), lc token()],
    ['none' => 401, 'jwt'],
    ['headers alone' => 401, 'jwt', @ann],
    ['a key' => 200, 'key', 'X-API-Key: good'],
    ['another key' => 401, 'key', 'X-API-Key: bad'],
    ['two keys' => 401, 'key', 'X-API-Key: good', 'x-api-key: good'],
    ['no key' => 401, 'key', @ann],
) {
    my ($name, $status, $kind, @headers) = @$case;
    for my $by (qw(module lua)) {
        is(answer(GET => "/$kind/$by", [@here, @headers])->{status}, $status,
           "$kind, $name: $status from $by");
    }
}
like(answer(GET => '/odd', \@here)->{body},
     qr/^false.*the user of an identity is a table/,
     'an identity that is none is an error');
is(answer(GET => '/nobody', [@here, @ann])->{status}, 401,
   'without a source there is nobody');
is(answer(GET => '/default', \@ann)->{status}, 401,
   'nor in the APIs');
like(answer(GET => '/unknown', \@ann)->{body},
     qr/^false.*there is no dialect "klingon"/, 'so is an unknown dialect');

# -- options: what is misspelt or of another kind is not taken for no condition
for my $case (
    ['access { identity = caller }' => qr/^true/],
    ['access { identity = caller, permission = "docs:delete" }' => qr/^true/],
    ['access("docs:delete")' =>
         qr/access: the options are a table, not a string/],
    ['access(false)' => qr/access: the options are a table, not a boolean/],
    ['access { identity = caller, "docs:delete" }' =>
         qr/access: unknown option "1"/],
    ['access { identity = caller, permision = "docs:delete" }' =>
         qr/access: unknown option "permision"/],
    ['access { identity = caller, permission = false }' =>
         qr/permission is a boolean, not a string/],
    ['access { identity = caller, permission = { "docs:delete" } }' =>
         qr/permission is a table, not a string/],
    ['access(setmetatable({ identity = caller },'
         . '{ __index = { permission = false } }))' =>
         qr/permission is a boolean, not a string/],
    ['access { identity = caller, id_header = false }' =>
         qr/id_header is a boolean, not a string/],
    ['access { identity = caller, settings = "color" }' =>
         qr/settings is no list of names/],
    ['access { identity = caller, settings = { 5 } }' =>
         qr/settings is no list of names/],
    ['check("docs:read")' => qr/check: the options are a table, not a string/],
    ['check()' => qr/check: the options are a table, not a nil/],
    ['check { tenant = "acme", user = "ann", permision = "docs:read" }' =>
         qr/check: unknown option "permision"/],
    ['check { tenant = "acme", user = "ann", permission = false }' =>
         qr/permission is a boolean, not a string/],
    ['seal { tenant = {}, workspace = 1, data = "x" }' =>
         qr/tenant is a table, not a string/],
    ['seal { tenant = true, workspace = 1, data = "x" }' =>
         qr/tenant is a boolean, not a string/],
    ['seal { tenant = "acme", workspace = 1, slto = "a", data = "x" }' =>
         qr/seal: unknown option "slto"/],
    ['seal { tenant = "acme", workspace = 1, slot = false, data = "x" }' =>
         qr/slot is a boolean, not a string/],
    ['seal { tenant = "acme", workspace = 1, data = 5 }' =>
         qr/data is a number, not a string/],
    ['open { tenant = "acme", workspace = 1, data = "x" }' =>
         qr/open: unknown option "data"/],
    ['open()' => qr/open: the options are a table, not a nil/],
    ['content("platform", "/lua")' =>
         qr/content: the options are a table, not a string/],
    ['content("platform", { identiy = caller })' =>
         qr/content: unknown option "identiy"/],
) {
    my ($call, $why) = @$case;
    my $escaped = $call =~ s/([^\w{}=.,])/sprintf '%%%02X', ord $1/egr;
    like(answer(GET => "/calls?$escaped", [@here, @ann])->{body}, $why,
         $call);
}

# -- settings
my ($key) = @{ $redis->ask('KEYS', 'wsp:*:acme:w:1') };
$redis->ask('HSET', $key, settings => '{"color":"red","size":7}');
ok(until_true(5 * patience(), sub {
    answer(GET => '/settings')->{body} eq "red nil 7\n";
}), 'settings of the workspace');

# -- sealed data
is(answer(GET => '/seal?workspace=1&slot=a')->{body},
   "hello\nit does not open\nit does not open\n", 'sealed and opened');
is(answer(GET => '/seal?workspace=01')->{body},
   "seal: the workspace is no id of one\n", 'of no workspace');
is(answer(GET => '/seal?workspace=1&slot=a/b')->{body} =~ /^seal: the slot/
       ? 1 : 0, 1, 'in no slot');
is(answer(POST => '/lua/1/encrypted', [@ann, 'X-Admin: 1'], '{"a":1}')
       ->{status}, 200, 'the API seals');
is(answer(GET => '/api/workspaces/1/encrypted', [@ann, 'X-Admin: 1'])
       ->{body}, '{"a":1}', 'the module opens it');
my ($hash) = @{ $redis->ask('KEYS', 'wsp:*:acme:w:1:x') };
is(answer(POST => '/open', [], $redis->ask('HGET', $hash, 'default'))->{body},
   "{\"a\":1}\n", 'and so does open()');

# -- partners
my $partner = JSON::decode_json(answer(POST => '/operator/partners', [],
    '{"id":"ats","name":"P","webhook_url":"https://ats.example/"}')->{body});
my @ats = ("X-API-Key: $partner->{api_key}");
my $new = '{"client_id":"acme-corp","name":"A","admin_name":"N",'
    . '"admin_email":"n@x.y"}';
is(answer(POST => '/v1/workspaces', [], $new)->{status}, 401,
   'without the key of a partner');
is(answer(POST => '/v1/workspaces', \@ats, $new)->{status}, 202,
   'a partner has a workspace');
like(answer(GET => '/v1/workspaces/acme-corp', \@ats)->{body},
     qr/^\{"client_id":"acme-corp","name":"A",/, 'and knows it by its id');
my $event = '{"event":"workspace.updated","event_id":"1",'
    . '"client_id":"acme-corp","name":"B"}';
my $now = time;
my $mac = Digest::SHA::hmac_sha256_hex("$now.$event",
                                       $partner->{incoming_secret});
is(answer(POST => '/v1/webhooks/ats', ["X-Webhook-Signature: t=$now,v1=$mac"],
          "$event ")->{status}, 401, 'what is not signed is refused');
is(answer(POST => '/v1/webhooks/ats', ["X-Webhook-Signature: t=$now,v1=$mac"],
          $event)->{status}, 202, 'and what is signed taken');
like(answer(GET => '/v1/workspaces/acme-corp', \@ats)->{body},
     qr/"name":"B"/, 'as if it had been asked for');
my ($deliveries) = @{ $redis->ask('KEYS', 'wsp:*:ats:ys') };
is($redis->ask('ZCARD', $deliveries // ''), 1,
   'the event of it waits for a gateway that delivers it');

# -- bodies
my $large = '{"name":"A","x":"' . 'y' x 5000 . '"}';
is(answer(POST => '/small', \@ann, $large)->{status}, 500,
   'a body that nginx has put into a file: 500');
ok($gateway->has_said(qr/\[error\].*body is in a file.*client_body_buffer_size/),
   'in words');
is(answer(POST => '/lua', \@ann, $large)->{status}, 200,
   'with the buffer that it takes: 200');

# nothing of a refused request's body is taken as a request
my $client = $gateway->client;
$client->write("POST /nobody HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\n"
    . "GET /alive HTTP/1.1\r\nHost: a\r\n\r"
    . "GET /alive HTTP/1.1\r\nHost: a\r\n\r\n");
is($client->answer->{status}, 401, 'refused with a body');
is($client->answer->{body}, 'alive', 'and the next request is the next');

unlike($gateway->said, qr/\Q$jwt_secret\E|hello/, 'no secret is in the log');
$gateway->finish;

# -- HTTP/2, also where lua-nginx-module asks for the length of a body
{
    my $gateway = Workspaces::Gateway->started(redis => $redis, http2 => 1,
        modules => [lua_modules()], http => lua_http(redis => $redis),
        server => <<'END');
    location /lua {
        content_by_lua_block {
            workspaces.content("platform", { mount = "/lua",
                                             identity = caller })
        }
    }
    location = /strict {
        content_by_lua_block {
            local read_body = ngx.req.read_body
            ngx.req.read_body = function()
                if not ngx.var.http_content_length then
                    error("no length")
                end
                return read_body()
            end
        }
    }
END
    my $connection = Workspaces::Http2->connect($gateway);
    my @ann = (base => '/lua', tenant => 'two', user => 'ann');
    my @create = (POST => '', @ann, json => { name => 'A' });
    my $of_unknown_length = sub {
        my $stream = $connection->send(@create, open => 1);
        $connection->data($stream, '', 1);
        return $connection->answer($stream);
    };
    until_true(10 * patience(), sub {
        return $connection->ask(GET => '', @ann)->{status} == 200;
    });
    is($connection->ask(@create)->{status}, 200, 'a body over HTTP/2');
    is($of_unknown_length->()->{status}, 200,
       '... and one of a length that is not told');
    $connection->ask(GET => '/strict', base => '');
    my $got = $of_unknown_length->();
    is($got->{status}, 411, 'where that is not read it is refused');
    like($got->{body}, qr/^\{"message":"[^"]+"\}$/, "... in the dialect's shape");
    is($connection->ask(@create)->{status}, 200, '... it alone');
    $gateway->finish;
}
$redis->stop('KILL');
done_testing;
