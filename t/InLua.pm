# The configuration of a suite as resty.workspaces has it: the same locations,
# served by content_by_lua.
#
#     TEST_NGINX_IN_LUA=1 WORKSPACES_LUA=<what make lua made> prove ...
#
# What is translated: workspaces, workspaces_identity (trusted and jwt),
# workspaces_redis, workspaces_seal_keys, workspaces_cache and
# workspaces_invitation_ttl.  The blocks that are skipped are named below, with
# the reasons.

package t::InLua;

use strict;
use warnings;

use Exporter 'import';
our @EXPORT_OK = qw(in_lua http_in_lua server_in_lua different);

my $dir = $ENV{WORKSPACES_LUA};

sub in_lua { return $ENV{TEST_NGINX_IN_LUA} }

# -- nginx's grammar: a list of [words, block or undef]

sub parse {
    my ($text) = @_;
    my @open = ([]);
    my @words;
    pos($text) = 0;
    while (pos $text < length $text) {
        next if $text =~ /\G(?:\s+|#[^\n]*)/gc;
        if ($text =~ /\G;/gc) {
            push @{ $open[-1] }, [[@words]];
            @words = ();
        } elsif ($text =~ /\G\{/gc) {
            my $block = [];
            push @{ $open[-1] }, [[@words], $block];
            push @open, $block;
            @words = ();
        } elsif ($text =~ /\G\}/gc) {
            pop @open;
        } elsif ($text =~ /\G((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'
                               |(?:\$\{\w+\}|\\.|[^\s;{}])+))/gcxs)
        {
            push @words, $1;
        } else {
            die 'odd configuration: ' . substr $text, pos $text, 80;
        }
    }
    return $open[0];
}

sub text_of {
    my ($nodes) = @_;
    return join '', map {
        my ($words, $block) = @$_;
        join(' ', @$words) . ($block ? " {\n" . text_of($block) . "}\n"
                                     : ";\n")
    } @$nodes;
}

sub unquote {
    my ($word) = @_;
    $word =~ s/\A(["'])(.*)\1\z/$2/s;
    return $word;
}

# -- values

sub lua_string {
    my ($text) = @_;
    $text =~ s/(["\\])/\\$1/g;
    return qq("$text");
}

# A value with variables, as an expression.  TEST_NGINX_... is put in by the
# runner.
sub expression {
    my ($value) = @_;
    my @parts;
    while ($value =~ /\G(?:\$\{(\w+)\}|\$(\w+)|([^\$]+))/gc) {
        my $name = $1 // $2;
        push @parts, !defined $name ? lua_string($3)
            : $name =~ /^TEST_NGINX_/ ? qq("\$$name")
            : qq{(ngx.var[} . lua_string($name) . q{] or "")};
    }
    return @parts ? join ' .. ', @parts : '""';
}

# What is made once, in init_by_lua.
my @sources;

sub identity {
    my ($kind, @words) = @_;
    return 'nil' if $kind eq 'off';
    if ($kind eq 'jwt') {
        push @sources, 'require "resty.workspaces".jwt {' . join(', ', map {
            my ($name, $value) = unquote($_) =~ /\A(\w+)=(.*)\z/s or die;
            "$name = " . expression($value);
        } @words) . '}';
        return 'source' . @sources;
    }
    die "no identity in Lua: $kind" if $kind ne 'trusted';
    return 'function() return {' . join(', ', map {
        my ($name, $value) = unquote($_) =~ /\A(\w+)=(.*)\z/s or die;
        "$name = " . expression($value);
    } @words) . '} end';
}

# -- locations

sub mount_of {
    my (@location) = @_;
    my $path = unquote($location[-1]);
    $path =~ s{/\z}{};
    return $path;
}

sub with_lua {
    my ($nodes, $identity, @location) = @_;
    my ($own) = grep { $_->[0][0] eq 'workspaces_identity' } @$nodes;
    if ($own) {
        my (undef, @words) = @{ $own->[0] };
        $identity = identity(@words);
    }
    my ($mount) = grep { $_->[0][0] eq 'workspaces' } @$nodes;
    my @out;
    for my $node (@$nodes) {
        my ($words, $block) = @$node;
        if ($words->[0] eq 'workspaces_identity') {
            next;
        } elsif ($words->[0] eq 'workspaces') {
            my $options = '{ mount = ' . lua_string(mount_of(@location))
                . ", identity = $identity }";
            push @out, [['content_by_lua_block'], [[[
                qq{require "resty.workspaces".content("$words->[1]", }
                . "$options)"]]]];
        } elsif ($block && $words->[0] eq 'location') {
            push @out, [$words, with_lua($block, $identity, @$words)];
        } else {
            push @out, $node;
        }
    }
    # what nginx answers by itself
    push @out, [[qw(error_page 400 403 404 405 408 411 413 418 429 500 503),
                 "\@workspaces_$mount->[0][1]"]]
        if $mount && !grep { $_->[0][0] eq 'error_page' } @$nodes;
    return \@out;
}

sub server_in_lua {
    my ($text) = @_;
    my $nodes = parse($text);
    @sources = ();
    my %dialects;
    $text =~ s/\bworkspaces (\w+);/$dialects{$1} = 1; $&/ge;
    push @{ $nodes = with_lua($nodes, 'nil') }, map {
        [['location', "\@workspaces_$_"], [[['content_by_lua_block'], [[[
            qq{require "resty.workspaces".error_page("$_")}]]]]]]
    } sort keys %dialects;
    return text_of($nodes);
}

# -- the http block

# After the servers.
sub http_in_lua {
    my ($text) = @_;
    my @options;
    my @out;
    for my $node (@{ parse($text) }) {
        my ($name, @words) = @{ $node->[0] };
        if ($name eq 'workspaces_redis') {
            my $url = shift @words;
            push @options, 'redis = ' . expression(unquote($url)),
                map { option($_) } @words;
        } elsif ($name eq 'workspaces_seal_keys') {
            push @options, 'seal_keys = ' . expression(unquote($words[0]));
        } elsif ($name eq 'workspaces_invitation_ttl') {
            push @options, option("invitation_ttl=$words[0]");
        } elsif ($name eq 'workspaces_cache') {
            push @options, $words[0] eq 'off' ? 'cache = false'
                : 'cache = ' . size($words[0]),
                map { option($_) } @words[1 .. $#words];
        } else {
            push @out, $node;
        }
    }
    my $options = join ', ', @options;
    my $made = join "\n", map { "source$_ = $sources[$_ - 1]" } 1 .. @sources;
    return <<"END" . text_of(\@out);
        lua_package_path "$dir/?.lua;;";
        lua_package_cpath "$dir/?.so;;";
        lua_socket_log_errors off;
        client_body_buffer_size 1100k;
        init_by_lua_block {
            $made
            require "resty.workspaces".init { $options }
        }
        init_worker_by_lua_block {
            require "resty.workspaces".init()
        }
END
}

my %seconds = (ms => 0.001, s => 1, '' => 1, m => 60, h => 3600, d => 86400);
my %bytes = ('' => 1, k => 1024, m => 1 << 20);

sub option {
    my ($name, $number, $unit) = $_[0] =~ /\A(\w+)=(\d+)(\w*)\z/ or die $_[0];
    return "$name = $number" if $name eq 'queue';
    return "$name = " . $number * $seconds{$unit};
}

sub size {
    my ($number, $unit) = $_[0] =~ /\A(\d+)(\w*)\z/ or die $_[0];
    return $number * $bytes{ lc $unit };
}

# -- what is not so in Lua: how many tests, and why

my %Different = (
    'gzip does not weaken the tag, and a tag that was weakened still matches'
        => [10, 'nginx knows of an ETag that Lua sets, and gzip weakens it'],
    'a body goes into no file, whatever the buffers'
        => [12, 'nginx reads the body for Lua, as it is configured'],
    'the variables of the access phase show what is inherited'
        => [21, "they are the module's"],
    'so it is before all of it has come'
        => [5, 'nginx keeps the connection, and drops the rest of the body'],
);

sub different {
    my ($name) = @_;
    my ($title) = $name =~ /TEST \d+: (.*)\z/s;
    return $Different{$title // $name};
}

1;
