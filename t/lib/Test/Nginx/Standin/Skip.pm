package Test::Nginx::Standin::Skip;

# Whether a block is skipped, or to do: skip_nginx, skip_nginx2, skip_eval,
# skip_openssl, todo_nginx, todo.

use strict;
use warnings;

use Test::Nginx::Standin::Settings;
use Test::Nginx::Standin::Server ();

my %HOLDS = (
    '>'  => sub { $_[0] >  0 },
    '>=' => sub { $_[0] >= 0 },
    '<'  => sub { $_[0] <  0 },
    '<=' => sub { $_[0] <= 0 },
    '==' => sub { $_[0] == 0 },
    '!=' => sub { $_[0] != 0 },
);

my $TERM = qr/(?:>=|<=|==|!=|>|<)\s*\d+(?:\.\d+)*[a-z]?/;


# (number of tests to skip, reason) or nothing.
sub skipped {
    my ($block) = @_;
    for my $name (qw(skip_nginx skip_nginx2 skip_openssl)) {
        my ($count, $reason) = version_rule($block, $name) or next;
        return ($count, $reason);
    }
    my $rule = section($block, 'skip_eval');
    return if !defined $rule;
    my ($count, $code) = $rule =~ /\A\s*(\d+)\s*:\s*(.*?)\s*\z/s
        or bail_out("--- skip_eval: '$rule' is no 'N: perl'");
    my $error = Test::Nginx::Socket::evaluate($code, \my $value);
    bail_out("--- skip_eval: $error") if defined $error;
    return $value ? ($count, "skip_eval: $code") : ();
}


# The reason, or undef.
sub to_do {
    my ($block) = @_;
    my ($count, $reason) = version_rule($block, 'todo_nginx');
    return $reason if defined $count;
    my $rule = section($block, 'todo');
    return undef if !defined $rule;
    $rule =~ /\A\s*\d+\s*:\s*(.*?)\s*\z/s
        or bail_out("--- todo: '$rule' is no 'N: reason'");
    return $1;
}


# N: OP x.y.z [: reason], with and/or between several OP x.y.z in skip_nginx2.
sub version_rule {
    my ($block, $name) = @_;
    my $rule = section($block, $name);
    return if !defined $rule;
    my $terms = $name eq 'skip_nginx2' ? qr/$TERM(?:\s+(?:and|or)\s+$TERM)*/ : $TERM;
    my ($count, $condition, $reason) =
        $rule =~ /\A\s*(\d+)\s*:\s*($terms)\s*(?::\s*(.*?)\s*)?\z/s
        or bail_out("--- $name: '$rule' is no 'N: OP x.y.z: reason'");
    my $version = $name eq 'skip_openssl'
        ? Test::Nginx::Standin::Server::openssl_version()
        : Test::Nginx::Standin::Server::version();
    defined $version
        or bail_out("--- $name: nginx -V tells no version to compare with");
    return if !condition_holds($version, $condition);
    return ($count, defined $reason && $reason ne '' ? $reason : "$name: $condition");
}


# "and" binds closer than "or".
sub condition_holds {
    my ($version, $condition) = @_;
    for my $alternative (split /\s+or\s+/, $condition) {
        my @terms = split /\s+and\s+/, $alternative;
        my @held = grep {
            my ($operator, $other) = /\A([<>=!]+)\s*(\S+)\z/;
            $HOLDS{$operator}->(compare($version, $other));
        } @terms;
        return 1 if @held == @terms;
    }
    return 0;
}


sub compare {
    my ($left, $right) = @_;
    my @left = $left =~ /\d+/g;
    my @right = $right =~ /\d+/g;
    while (@left || @right) {
        my $order = (shift(@left) // 0) <=> (shift(@right) // 0);
        return $order if $order;
    }
    return 0;
}

1;
