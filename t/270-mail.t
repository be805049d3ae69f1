# Mail by SMTP, from the outbox in Redis: what arrives, and that it arrives
# whatever happens to the SMTP server, to the worker and to Redis.

use strict;
use warnings;

use Encode qw(decode encode);
use Test::More;
use Time::HiRes qw(sleep time);

use Workspaces::Gateway;
use Workspaces::Process qw(patience until_true is_running);
use Workspaces::RedisServer;
use Workspaces::SmtpServer;

my $smtp = Workspaces::SmtpServer->started;
my $redis = Workspaces::RedisServer->started(append => 1);
my $gateway = Workspaces::Gateway->started(redis => $redis, http => <<"END",
    workspaces_smtp smtp://localhost:@{[$smtp->port]}
        "from=Workspaces <noreply\@example.com>";
    workspaces_invitation_url "https://app.example.com/i?t={token}&l=en";
END
    server => 'location = /metrics { workspaces_status; }');
my $client = $gateway->client;

my %owner = (tenant => 'acme', user => 'ann');
my $names = 0;

# Makes a workspace and invites these; what was answered.
sub invite {
    my ($name, @invites) = @_;
    my $id = $gateway->ask(POST => '', %owner, json => { name => $name })
        ->json->{_id};
    return $gateway->ask(PUT => "/$id", %owner, json => {
        invites => [map { { roles => ['member'], %$_ } } @invites] });
}

sub metric {
    my ($name) = @_;
    my $text = $gateway->client->write(
        "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")->answer->{body};
    return $text =~ /^\Qworkspaces_outbox_$name\E ([\d.]+)$/m ? $1 : undef;
}

sub jobs { return metric(qq(jobs_total{kind="mail",outcome="$_[0]"})) }

sub metric_is {
    my ($get, $wanted, $what) = @_;
    my $got;
    until_true(15 * patience(), sub { ($got = $get->()) == $wanted });
    return is($got, $wanted, $what);
}

# The jobs in the store, by their id.
sub stored {
    return map { m{::j:(\w+)\z} ? ($1 => {
        @{ $redis->ask('HGETALL', $_) } }) : () } @{
            $redis->ask('KEYS', 'wsp:{*}::j:*') };
}

sub queued {
    return map { @{ $redis->ask('ZRANGE', $_, 0, -1, 'WITHSCORES') } }
        @{ $redis->ask('KEYS', 'wsp:{*}::q:mail') };
}

# Makes what was put off due now, as the manual says.  A lease is left alone:
# it ends later than the first tries are repeated.
sub hurry {
    my ($leases_too) = @_;
    my $before = 1000 * time + ($leases_too ? 100_000 : 80_000);
    for my $queue (@{ $redis->ask('KEYS', 'wsp:{*}::q:mail') }) {
        $redis->ask('ZADD', $queue, 'XX', 0, $_) for @{
            $redis->ask('ZRANGEBYSCORE', $queue, '(0', $before) };
    }
    return;
}

# Until the only job was put off, with the reason.
sub put_off {
    my ($reason, $what) = @_;
    my ($job) = (undef);
    my $found = until_true(15 * patience(), sub {
        (undef, $job) = stored();
        return $job && ($job->{reason} // '') =~ $reason;
    });
    return ok($found, $what) || diag explain [stored()];
}

# -- an invitation
{
    my $answer = invite("Gr\x{fc}n & \"Co\" <b>", {
        email => 'Guest@Example.com', name => "G\x{fc}nther <script>" });
    is($answer->{status}, 200, 'somebody is invited') or diag $answer->{body};
    my $mail = $smtp->mail_to('Guest@Example.com') or BAIL_OUT('no mail: '
        . $gateway->said);
    my $header = $mail->{header};
    is($mail->{from}, 'noreply@example.com', 'the envelope has the sender');
    is($header->{from}, '"Workspaces" <noreply@example.com>', 'From');
    like($header->{to}, qr/^=\?UTF-8\?B\?\S+\?= <Guest\@Example\.com>$/, 'To');
    is(decode('MIME-Header', $header->{subject}),
       "Invitation to Gr\x{fc}n & \"Co\" <b>", 'Subject');
    like($header->{'message-id'}, qr/^<[0-9a-f]{32}\@example\.com>$/,
         'Message-ID');
    like($header->{date},
         qr/^\w{3}, \d+ \w{3} 20\d\d \d\d:\d\d:\d\d \+0000$/, 'Date');
    my ($token) = $mail->{text}
        =~ m{^https://app\.example\.com/i\?t=([\w-]{43})&l=en\r$}m;
    ok($token, 'the text has the link') or diag $mail->{text};
    like(decode('UTF-8', $mail->{text}),
         qr/^Hello G\x{fc}nther <script>,\r\n\r\nann invites you to the workspace/,
         'and says who invites');
    like($mail->{html}, qr{href="https://app\.example\.com/i\?t=\Q$token\E&amp;l=en"},
         'so does the page');
    unlike($mail->{html}, qr/<script>|<b>/, 'names are escaped there');
    unlike($mail->{raw}, qr/[^\r]\n|[\x80-\xff]/,
           'it is ASCII, with CRLF at the end of lines');
    metric_is(sub { jobs('done') }, 1, 'it is counted');
    metric_is(sub { scalar(() = stored()) }, 0,
              'nothing of it is left in Redis');
    ok($smtp->has_seen('quit'), 'the server was told that it was all');
    unlike($gateway->said, qr/\Q$token\E/, 'the token is in no log');
}

# -- the worker does not wait
$smtp->mode('hold');
{
    invite('Slow', { email => 'slow@example.com' });
    ok($smtp->has_seen('data', 2), 'the server has a message, and is silent');
    my $got = $gateway->ask(GET => '', %owner);
    is($got->{status}, 200, 'the only worker answers requests meanwhile');
    cmp_ok($got->{seconds}, '<', 10, 'at once');
    metric_is(sub { metric('in_hand{kind="mail"}') }, 1, 'a job is in hand');
    $smtp->mode('hold-quit');
    metric_is(sub { jobs('done') }, 2, 'it is done when it is accepted');
    ok($smtp->has_seen('quit', 2), 'the server does not answer the QUIT');
    $got = $gateway->ask(GET => '', %owner);
    cmp_ok($got->{seconds}, '<', 10, 'nobody waits for that');
    $smtp->mode('accept');
    is(scalar($smtp->mails_to('slow@example.com')), 1, 'it came once');
}

# -- refused now, then accepted
for my $where (qw(mail rcpt data)) {
    $smtp->mode("451-$where");
    my $before = 1000 * time;
    invite("Later $where", { email => "later-$where\@example.com" });
    put_off(qr/^451 says the test$/, "451 to $where: later, with the reason");
    my ($id) = stored();
    my ($due) = map { $_->[1] } [queued()];
    cmp_ok($due, '>', $before + 7000, 'not at once');
    $smtp->mode('accept');
    hurry();
    my $mail = $smtp->mail_to("later-$where\@example.com");
    is($mail->{header}{'message-id'}, "<$id\@example.com>",
       'then it comes, under the name that it had');
}
metric_is(sub { jobs('retried') }, 3, 'tries are counted');

# -- refused for good
$smtp->mode('550-rcpt');
invite('Never', { email => 'never@example.com' });
metric_is(sub { jobs('dead') }, 1, '550: it is given up');
{
    my ($id, $job) = stored();
    is($job->{reason}, '550 says the test', 'the reason is kept');
    my ($dead) = @{ $redis->ask('KEYS', 'wsp:{*}::dead:mail') };
    is_deeply($redis->ask('ZRANGE', $dead, 0, -1), [$id],
              'it is among the dead');
    is(scalar(() = queued()), 0, 'and in no queue');
    like($gateway->said, qr/mail $id of tenant "acme" is given up: 550 says/,
         'the error log says so');
    (my $queue = $dead) =~ s/dead:/q:/;
    $smtp->mode('accept');
    my $key = $dead =~ s/dead:mail/j:$id/r;
    $redis->ask('PERSIST', $key);
    $redis->ask('HSET', $key, 'tries', 0);
    $redis->ask('ZREM', $dead, $id);
    $redis->ask('ZADD', $queue, 0, $id);
    ok($smtp->mail_to('never@example.com'), 'it can be put back by hand');
}

# -- an invitation that was revoked meanwhile is not sent
$smtp->mode('451-mail');
{
    my $workspace = invite('Revoked', { email => 'revoked@example.com' })
        ->json->{_id};
    put_off(qr/^451/, 'an invitation waits');
    $gateway->ask(PUT => "/$workspace", %owner, json => { invites => [] });
    $smtp->mode('accept');
    hurry();
    metric_is(sub { jobs('dropped') }, 1, 'it is dropped when it was revoked');
    is(scalar($smtp->mails_to('revoked@example.com')), 0, 'and not sent');
}

# -- no mail without its invitation, nor the other way round
{
    my $before = () = stored();
    is(invite('Bad', { email => "b\x{fc}ro\@example.com" })->{status}, 400,
       'an address that mail cannot be sent to is refused');
    is(scalar(() = stored()), $before, 'and nothing is queued');
}

# -- the server is away
$smtp->stop;
invite('Away', map { { email => "away$_\@example.com" } } 1 .. 20);
ok($gateway->has_said(qr/\[error\].*outbox: mail cannot be sent: \S/),
   'the error log says that the server is away');
cmp_ok(metric('queued{kind="mail"}') // 0, '>=', 0, 'and the queue is shown');
is($gateway->ask(GET => '', %owner)->{status}, 200, 'requests are served');
$smtp->start;
until_true(30 * patience(), sub {
    hurry();
    return 20 == grep { $_->{to} =~ /^away/ } $smtp->mails;
});
is(scalar(grep { $_->{to} =~ /^away/ } $smtp->mails), 20,
   'all of them come when it is back');
ok($gateway->has_said(qr/outbox: mail can be sent again/), 'which is said');

# -- the worker is killed while the server has the message
$smtp->mode('hold');
{
    my $seen = $smtp->seen('data');
    invite('Killed', { email => 'killed@example.com' });
    ok($smtp->has_seen('data', $seen + 1), 'a message is under way');
    my ($worker) = $gateway->workers;
    kill 'KILL', $worker;
    until_true(10 * patience(), sub {
        my ($now) = $gateway->workers;
        return $now && $now != $worker;
    });
    my (undef, $due) = queued();
    cmp_ok($due, '>', 1000 * time, 'its lease still stands');
    $smtp->mode('accept');
    $smtp->stop->start;     # what it was given is forgotten
    my $had = $smtp->mails_to('killed@example.com');
    hurry('leases');
    until_true(10 * patience(),
               sub { $smtp->mails_to('killed@example.com') > $had });
    cmp_ok(scalar($smtp->mails_to('killed@example.com')), '>', $had,
           'another worker sends it');
}

# -- Redis is killed with mail in the queue
$smtp->mode('451-mail');
{
    is(invite('Durable', { email => 'durable@example.com' })->{status}, 200,
       'an invitation is acknowledged');
    $redis->stop('KILL');
    $smtp->mode('accept');
    $redis->start;
    is($gateway->ask_until(200, 10, GET => '', %owner)->{status}, 200,
       'Redis is back');
    # a job that was being taken has a lease that nobody holds
    until_true(10 * patience(), sub {
        hurry('leases');
        sleep 0.5;
        return $smtp->mails_to('durable@example.com');
    });
    cmp_ok(scalar($smtp->mails_to('durable@example.com')), '>=', 1,
           'its mail comes');
    my ($mail) = $smtp->mails_to('durable@example.com');
    my %again = map { $_->{header}{'message-id'} => 1 }
        $smtp->mails_to('durable@example.com');
    is(scalar(keys %again), 1, 'however often, it is the same');
}

# -- a worker ends while the server is silent
$smtp->mode('silent');
{
    my $seen = $smtp->seen('connect');
    invite('Quit', { email => 'quit@example.com' });
    ok($smtp->has_seen('connect', $seen + 1), 'a connection waits');
    my $start = time;
    ok($gateway->reload, 'a reload');
    cmp_ok(time - $start, '<', 20, 'is not delayed by it');
    $smtp->mode('accept');
    hurry('leases');
    ok($smtp->mail_to('quit@example.com'), 'the new worker sends it');
}

is(scalar(() = $gateway->said =~ /token=|[?]t=[\w-]{43}/g), 0,
   'no link is in the log');
$gateway->finish(expected => qr/exited on signal 9|worker process/);
$redis->stop;
$smtp->stop;

# -- encrypted, with a password
{
    my $smtp = Workspaces::SmtpServer->started(tls => 1);
    my $redis = Workspaces::RedisServer->started;
    my $gateway = Workspaces::Gateway->new(redis => $redis);
    my $write = sub {
        my ($name, $text) = @_;
        my $old = umask 077;
        open my $file, '>', "$gateway->{dir}/$name" or die "$name: $!";
        print {$file} $text;
        close $file;
        umask $old;
    };
    $write->('right', "open sesame\n");
    $write->('wrong', "open barley\n");
    my $http = sub {
        my ($password, $more) = @_;
        return "workspaces_smtp smtp://localhost:" . $smtp->port
            . " from=a\@example.com user=postman"
            . " password_file=$gateway->{dir}/$password starttls $more;"
            . ' workspaces_invitation_url "https://example.com/{token}";';
    };
    my $ca = 'ca=' . $smtp->certificate;
    $gateway->write_config(http => $http->('wrong', $ca))->start;
    my $id = $gateway->ask(POST => '', %owner, json => { name => 'TLS' })
        ->json->{_id};
    $gateway->ask(PUT => "/$id", %owner, json => {
        invites => [{ email => 'tls@example.com', roles => ['member'] }] });
    ok($gateway->has_said(qr/cannot be sent: .*(?:denied|auth)/i, 10),
       'a wrong password is said');
    $gateway->write_config(http => $http->('right', ''));
    $gateway->reload;
    my $due = sub {
        for my $queue (@{ $redis->ask('KEYS', 'wsp:{*}::q:mail') }) {
            $redis->ask('ZADD', $queue, 'XX', 0, $_)
                for @{ $redis->ask('ZRANGE', $queue, 0, -1) };
        }
    };
    $due->();
    ok($gateway->has_said(qr/cannot be sent: .*(?:certificate|SSL)/i, 10),
       'a certificate that nobody vouches for is refused');
    is(scalar($smtp->mails), 0, 'and nothing is sent');
    $gateway->write_config(http => $http->('right', $ca));
    $gateway->reload;
    $due->();
    ok($smtp->mail_to('tls@example.com'), 'with both right it comes');
    unlike($gateway->said, qr/sesame|barley/, 'no password is in the log');
    $gateway->finish;
    $redis->stop;
    $smtp->stop;
}

done_testing;
