package Test::Nginx::Standin::Config;

# The server root on disk: its directories, the generated nginx.conf and the
# user_files of a block. Knows no process.

use strict;
use warnings;

use Cwd ();
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Spec;
use POSIX ();

use Test::Nginx::Standin::Settings;

use Exporter 'import';
our @EXPORT_OK = qw(
    conf_file pid_file error_log_file access_log_file html_dir
    make_server_root remake_html write_config write_user_files
);

# Each needs its module in the binary; the option is what removes it.
my %TEMP_PATH = (
    client_body_temp_path => undef,
    proxy_temp_path       => '--without-http_proxy_module',
    fastcgi_temp_path     => '--without-http_fastcgi_module',
    uwsgi_temp_path       => '--without-http_uwsgi_module',
    scgi_temp_path        => '--without-http_scgi_module',
);

sub conf_file       { "$setting{server_root}/conf/nginx.conf" }
sub pid_file        { "$setting{server_root}/logs/nginx.pid" }
sub error_log_file  { "$setting{server_root}/logs/error.log" }
sub access_log_file { "$setting{server_root}/logs/access.log" }
sub html_dir        { "$setting{server_root}/html" }


sub make_server_root {
    my $root = $setting{server_root};
    refuse_foreign_directory($root);
    if (-d $root) {
        remove_tree($root, { keep_root => 1, error => \my $errors });
        for my $error (@$errors) {
            my ($path, $why) = %$error;
            bail_out("cannot empty the server root $root: $path: $why");
        }
    }
    make_path("$root/conf", "$root/logs");
    -d "$root/logs" or bail_out("cannot make the server root $root");
    remake_html();
}


# The server root is emptied for each block: a TEST_NGINX_SERVROOT that points
# at something precious must not cost it.
sub refuse_foreign_directory {
    my ($root) = @_;
    return if !-d $root;
    my $real = Cwd::realpath($root);
    my $here = Cwd::getcwd() . '/';
    bail_out("the server root $root holds the current directory")
        if index($here, $real eq '/' ? '/' : "$real/") == 0;
    opendir my $dir, $root or bail_out("cannot read the server root $root: $!");
    my @entries = grep { !/\A\.\.?\z/ } readdir $dir;
    return if !@entries || grep { /\A(?:conf|logs|html)\z/ } @entries;
    bail_out("$root is not empty and no server root of a test: "
             . "will not remove what is there");
}


sub remake_html {
    remove_tree(html_dir()) if -d html_dir();
    make_path(html_dir());
    write_file(html_dir() . '/index.html',
        "<html><head><title>It works!</title></head><body>It works!</body></html>\n");
}


sub write_file {
    my ($path, $text) = @_;
    open my $file, '>', $path or bail_out("cannot write $path: $!");
    binmode $file;
    print {$file} $text;
    close $file or bail_out("cannot write $path: $!");
}


# token: in HUP mode what /ver of the second server answers.
sub write_config {
    my ($block, $build_options, $token) = @_;
    write_file(conf_file(), config_text($block, $build_options, $token));
}


sub config_text {
    my ($block, $build_options, $token) = @_;
    my $root = $setting{server_root};
    my %text = map { $_ => expand_env(section($block, $_)) // '' }
        qw(main_config http_config config post_main_config);

    my $level = one_line($block, 'log_level') // $setting{log_level};
    my $name  = one_line($block, 'server_name') // $setting{server_name};

    my $master = $setting{master} || defined $token ? 'on' : 'off';
    my $daemon = $setting{use_valgrind} ? 'off' : 'on';
    my $user   = $> == 0 ? "user root;\n" : '';

    my $modules = join '', map { "load_module $_;\n" }
        split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';
    my $env = join '', map { "env $_;\n" } @{ $setting{env_lines} };
    my $temp = join '', map { "    $_ $root/$_;\n" }
        grep { my $without = $TEMP_PATH{$_};
               !defined $without || index($build_options, $without) < 0 }
        sort keys %TEMP_PATH;
    my $version_server = defined $token ? version_server($token) : '';
    my $root_location = $setting{root_location}
        ? "        location / {\n            root " . html_dir() . ";\n"
          . "            index index.html index.htm;\n        }\n"
        : '';

    return <<"END";
${modules}$text{main_config}
${user}worker_processes $setting{workers};
daemon $daemon;
master_process $master;
error_log ${\ error_log_file()} $level;
pid ${\ pid_file()};
$env
http {
    access_log ${\ access_log_file()};
$temp
    default_type text/plain;
    keepalive_timeout 68000ms;

$text{http_config}

    server {
        listen $setting{server_port};
        server_name '$name';
        client_max_body_size 30M;

$setting{config_preamble}
$text{config}
$root_location    }
$version_server}

$text{post_main_config}

events {
    accept_mutex off;
    worker_connections $setting{worker_connections};
}
END
}


sub version_server {
    my ($token) = @_;
    return <<"END";
    server {
        listen $setting{server_port};
        server_name 'Test-Nginx';
        access_log off;
        location = /ver {
            return 200 '$token';
        }
    }
END
}


sub one_line {
    my ($block, $name) = @_;
    my $value = section($block, $name);
    return undef if !defined $value;
    $value =~ s/\A\s+|\s+\z//g;
    return $value;
}


sub write_user_files {
    my ($block) = @_;
    my $value = section($block, 'user_files');
    return if !defined $value;
    my @files = ref $value eq 'ARRAY' ? @$value : parse_user_files($value);
    for my $file (@files) {
        ref $file eq 'ARRAY' && @$file >= 2
            or bail_out("user_files: an entry is no [name, body, date]");
        my ($name, $body, $date) = @$file;
        my $path = File::Spec->file_name_is_absolute($name)
            ? $name : html_dir() . "/$name";
        make_path(dirname($path));
        write_file($path, expand_env($body));
        next if !defined $date;
        my $time = touch_time($date);
        utime $time, $time, $path or bail_out("user_files: cannot date $path: $!");
    }
}


sub parse_user_files {
    my ($text) = @_;
    my @files;
    for my $line (split /^/, $text) {
        if ($line =~ /\A>>>\s+(\S+)(?:[ \t]+(\S+))?\s*\z/) {
            push @files, [$1, '', $2];
        }
        elsif (@files) {
            $files[-1][1] .= $line;
        }
        elsif ($line =~ /\S/) {
            bail_out("user_files: text before the first '>>> name': $line");
        }
    }
    return @files;
}


# The form of touch -t: [[CC]YY]MMDDhhmm[.ss], in local time.
sub touch_time {
    my ($date) = @_;
    $date =~ /\A(\d\d\d\d|\d\d|)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?\z/
        or bail_out("user_files: '$date' is no date as touch -t takes it");
    my ($year, $month, $day, $hour, $minute, $second) = ($1, $2, $3, $4, $5, $6 // 0);
    $year = (localtime)[5] + 1900 if $year eq '';
    $year += $year < 69 ? 2000 : 1900 if $year < 100;
    return POSIX::mktime($second, $minute, $hour, $day, $month - 1, $year - 1900,
                         0, 0, -1);
}

1;
