# A headless Chromium, driven by chromedriver (W3C WebDriver).  It reaches
# loopback and nothing else.
package Workspaces::Browser;

use strict;
use warnings;

use Carp qw(croak);
use HTTP::Tiny;
use JSON::PP;

use Workspaces::Process qw(room free_port start_process stop_process
                           is_running until_true patience);

my $json = JSON::PP->new->utf8->allow_nonref;

# What is missing, or nothing.
sub missing {
    return grep { my $name = $_; !grep { -x "$_/$name" } split /:/, $ENV{PATH} }
        qw(chromium chromedriver);
}

sub started {
    my ($class) = @_;
    my $port = free_port();
    my $home = room() . '/chromium';
    mkdir $home or croak "$home: $!";
    local @ENV{qw(HOME XDG_CONFIG_HOME XDG_CACHE_HOME)} = ($home) x 3;
    my $self = bless {
        driver => "http://127.0.0.1:$port",
        http   => HTTP::Tiny->new(timeout => 60 * patience()),
    }, $class;
    $self->{pid} = start_process(log => room() . '/chromedriver.out',
        command => ['chromedriver', "--port=$port"]);
    until_true(60 * patience(), sub {
        is_running($self->{pid}) or croak 'chromedriver ends';
        my $got = $self->{http}->get("$self->{driver}/status");
        return $got->{success} && $json->decode($got->{content})->{value}{ready};
    }) or croak 'chromedriver does not answer';

    my @arguments = ('--headless=new', "--user-data-dir=$home/data",
        '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
        '--window-size=1200,2000',
        qw(--no-proxy-server --no-first-run --disable-gpu
           --disable-dev-shm-usage --disable-background-networking
           --disable-component-update --disable-sync));
    # Chromium has no sandbox for root
    push @arguments, '--no-sandbox' if $> == 0;
    my $session = $self->ask(POST => '', {
        capabilities => { alwaysMatch => {
            browserName => 'chrome',
            'goog:chromeOptions' => { args => \@arguments },
            'goog:loggingPrefs'  => { browser => 'ALL' },
        } },
    });
    $self->{session} = $session->{sessionId};
    return $self;
}

# One command to the driver: its value.
sub ask {
    my ($self, $method, $path, $given) = @_;
    my $url = "$self->{driver}/session"
        . (defined $self->{session} ? "/$self->{session}$path" : $path);
    my $got = $self->{http}->request($method, $url, {
        headers => { 'Content-Type' => 'application/json' },
        ($method eq 'POST' ? (content => $json->encode($given // {})) : ()),
    });
    my $answer = eval { $json->decode($got->{content}) };
    croak "$method $path: $got->{status} "
        . (ref $answer ? "$answer->{value}{message}" : $got->{content})
        if !$got->{success};
    return $answer->{value};
}

sub open_page {
    my ($self, $url) = @_;
    $self->ask(POST => '/url', { url => $url });
    return $self;
}

# The value of a script, which says `return`.
sub run {
    my ($self, $script, @arguments) = @_;
    return $self->ask(POST => '/execute/sync',
                      { script => $script, args => \@arguments });
}

# The same, until it is true.
sub wait_for {
    my ($self, $script, @arguments) = @_;
    return until_true(60 * patience(),
                      sub { $self->run($script, @arguments) });
}

# Clicks on what the selector finds, as soon as it is there.
sub click {
    my ($self, $selector) = @_;
    $self->wait_for('return document.querySelector(arguments[0]) !== null',
                    $selector) or croak "no $selector in the page";
    my $found = $self->ask(POST => '/element',
        { using => 'css selector', value => $selector });
    my ($id) = values %$found;
    $self->ask(POST => "/element/$id/click");
    return;
}

# What the page's console has got since the last time: refused scripts,
# requests that failed.
sub complaints {
    my ($self) = @_;
    return map { "$_->{level}: $_->{message}" }
        grep { $_->{level} =~ /^(?:WARNING|SEVERE)$/ }
        @{ $self->ask(POST => '/se/log', { type => 'browser' }) };
}

sub finish {
    my ($self) = @_;
    eval { $self->ask(DELETE => '') };
    return stop_process($self->{pid}, 'TERM');
}

1;
