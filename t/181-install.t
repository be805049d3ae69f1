# make install: into a directory, as packagers do, from where it is loaded.

use strict;
use warnings;

use File::Find ();
use File::Temp ();
use FindBin ();
use Test::More;

my ($ours) = grep { /ngx_http_workspaces_module/ }
    split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';
plan skip_all => 'the module is linked into nginx' unless $ours;

my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $top = "$FindBin::Bin/..";
my $dest = File::Temp->newdir;
(local $ENV{BUILD} = $ours) =~ s{/module/[^/]+$}{};

sub run {
    my (@command) = @_;
    open my $out, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command
        or die "sh: $!";
    my $said = join '', <$out>;
    close $out;
    return ($? >> 8, $said);
}

sub installs {
    my ($action) = @_;
    return run("$top/t/tools/install.sh", $action, $nginx, "$dest");
}

# but those of Swagger UI, which is not there without a network
sub files {
    my @found;
    File::Find::find({ no_chdir => 1, wanted => sub {
        push @found, s/^\Q$dest\E//r if -l || -f;
    } }, "$dest");
    return sort grep { !m{/swagger-ui/} } @found;
}

my (undef, $built) = run($nginx, '-V');
my ($modules) = $built =~ /--modules-path=(\S+)/;
my ($conf) = $built =~ m{--conf-path=(\S+)/nginx\.conf};
BAIL_OUT('nginx does not say where its modules are')
    unless $modules && $conf;

my $so = "$modules/ngx_http_workspaces_module.so";
my $available = "$conf/modules-available/50-mod-http-workspaces.conf";
my $enabled = "$conf/modules-enabled/50-mod-http-workspaces.conf";

my ($status, $said) = installs('install');
is($status, 0, 'it installs') or diag $said;
is_deeply([files()], [sort $so, $available, $enabled],
          'the module, and the file that loads it, in its two places');
is(readlink "$dest$enabled", $available, 'the one is a link to the other');
is((stat "$dest$so")[2] & 07777, 0644, 'all may read the module');

open my $loads, '<', "$dest$available" or die "$available: $!";
my $directive = join '', <$loads>;
close $loads;
is($directive, "load_module $so;\n", 'the file loads the module');

# nginx takes it from there
open my $file, '>', "$dest/nginx.conf" or die "nginx.conf: $!";
print {$file} $directive =~ s/load_module /load_module $dest/r,
    "pid $dest/pid; error_log $dest/log;\nevents {}\n",
    "http { access_log off; workspaces_redis unix:$dest/redis;\n",
    map({ "${_}_temp_path $dest/$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi)),
    "server { location /api/workspaces { workspaces platform; } } }\n";
close $file;
($status, $said) = run($nginx, '-e', "$dest/log", '-t', '-c',
                       "$dest/nginx.conf");
is($status, 0, 'nginx loads what was installed') or diag $said;
unlink "$dest/nginx.conf", "$dest/log", "$dest/pid";

# a running nginx has the old file mapped
my $old = (stat "$dest$so")[1];
open my $mapped, '<', "$dest$so" or die "$so: $!";
installs('install');
isnt((stat "$dest$so")[1], $old, 'a new one takes the place of the old one');
close $mapped;

($status, $said) = installs('uninstall');
is($status, 0, 'it is removed') or diag $said;
is_deeply([files()], [], 'and nothing is left');
is_deeply([glob "$dest/*/*/*/swagger-ui/*"], [], 'of Swagger UI neither');

done_testing;
