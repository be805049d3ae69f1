# README against the sources: every directive, variable, metric and parameter
# is there, and nothing else is.

use strict;
use warnings;

use FindBin ();
use Test::More;

my $top = "$FindBin::Bin/..";

sub text_of {
    return join '', map {
        open my $in, '<', $_ or die "$_: $!";
        local $/;
        <$in>;
    } @_;
}

my $manual = text_of("$top/README.md");
my $module = text_of(glob "$top/ngx_module/*.c");

# -- directives

my @directives = sort $module =~
    /\{\s*ngx_string\("(workspaces(?:_[a-z_]+)?)"\),\s*NGX_HTTP_/g;
my @described = sort $manual =~ /^### (workspaces(?:_[a-z_]+)?)$/mg;
cmp_ok(scalar @directives, '>', 9, 'the sources have directives');
is_deeply(\@described, \@directives, 'each directive has its section');

for my $name (@directives) {
    my ($section) = $manual =~ /^### \Q$name\E\n(.*?)(?=^##)/ms;
    like($section, qr/^\| Syntax \| `$name\b/m, "$name: Syntax");
    like($section, qr/^\| Default \| \S/m, "$name: Default");
    my ($contexts) = $section =~ /^\| Context \| (.+) \|$/m;
    my ($flags) = $module =~
        /\{\s*ngx_string\("\Q$name\E"\),\s*(NGX_HTTP_[^,]*),/;
    my @contexts = (($flags =~ /NGX_HTTP_MAIN_CONF/ ? 'http' : ()),
                    ($flags =~ /NGX_HTTP_SRV_CONF/ ? 'server' : ()),
                    ($flags =~ /NGX_HTTP_LOC_CONF/ ? 'location' : ()));
    is($contexts, join(', ', @contexts), "$name: Context");
}

# -- variables

my @variables = sort $module =~ /ngx_string\("(workspace_[a-z_]+)"\)/g;
cmp_ok(scalar @variables, '>', 9, 'the sources have variables');
for my $name (@variables) {
    my $shown = $name eq 'workspace_setting_' ? "$name<name>" : $name;
    like($manual, qr/`\$\Q$shown\E`/, "\$$shown is described");
}

# -- metrics

my %metrics = map { $_ => 1 }
    text_of("$top/core/engine/status.cc") =~ /"(workspaces_[a-z_]+)"/g;
my %shown = map { $_ => 1 } map { /`(workspaces_[a-z_]+)`/g }
    $manual =~ /^\| (`workspaces_[^|]+) \| (?:gauge|counter|histogram) \|/mg;
cmp_ok(scalar keys %metrics, '>', 9, 'the sources have metrics');
ok($shown{$_}, "$_ is described") for sort keys %metrics;
ok($metrics{$_}, "$_ exists") for sort keys %shown;

# -- commands that Redis is asked

my $core = text_of(glob("$top/core/domain/*.cc"),
                   glob("$top/core/engine/*.cc"),
                   glob("$top/core/identity/*.cc"),
                   glob("$top/core/store/*.cc"));
my %asked = map { $_ => 1 }
    $core =~ /(?:add|write|expect|expect_nil|expect_below|add_step|read\w*|command|mine|record|reading)\((?:[^;{}]*?)\{"([A-Z]{3,})"/g;
$asked{$_} = 1
    for text_of("$top/core/store/commit.lua") =~ /\bcall\('([A-Z]+)'/g;
# the script's own are none of Redis
my %own = map { $_ => 1 } 'COUNT', text_of("$top/core/store/commit.lua")
    =~ /name == '([A-Z]+)'/g;
for my $name (sort keys %asked) {
    next if $own{$name};
    like($manual, qr/^.*commands? .*?\b$name\b|`[^`]*\b$name\b[^`]*`/ms,
         "$name is among the commands");
}

done_testing();
