# What must be true of the keyspace of every tenant at any time, whatever
# went wrong: the record of a workspace, its members and the indexes agree.
package Workspaces::Invariants;

use strict;
use warnings;

use Exporter qw(import);
use JSON ();

our @EXPORT_OK = qw(broken_invariants);

sub _decoded {
    my ($text) = @_;
    $text =~ s/%([0-9A-F]{2})/chr hex $1/ge;
    return $text;
}

# Sentences; none when all is well.
sub broken_invariants {
    my ($redis) = @_;
    my %tenants;
    for my $key (@{ $redis->ask('KEYS', 'wsp:{*') }) {
        my ($prefix, $rest) = $key =~ /^(wsp:\{\d+\}:[^:]*:)(.*)$/
            or return "odd key $key";
        $tenants{$prefix}{$rest} = 1;
    }
    return map { _of_tenant($redis, $_, $tenants{$_}) } sort keys %tenants;
}

sub _told {
    my ($of) = @_;
    return join ' ', map { "$_=$of->{$_}" } sort keys %$of;
}

sub _of_tenant {
    my ($redis, $prefix, $keys) = @_;
    my @wrong;
    my %listed = map { $_ => 1 }
        @{ $redis->ask('ZRANGE', $prefix . 'ws', 0, -1) };
    my (%record, %belongs, %counted, %labelled, %named, %slugged);

    for my $key (keys %$keys) {
        if ($key =~ /^w:(\d+)$/) {
            $record{$1} = { @{ $redis->ask('HGETALL', $prefix . $key) } };
        } elsif ($key =~ /^w:(\d+):n$/) {
            $counted{$1} = { @{ $redis->ask('HGETALL', $prefix . $key) } };
        } elsif ($key =~ /^w:(\d+):m$/) {
            my %members = @{ $redis->ask('HGETALL', $prefix . $key) };
            $belongs{$1}{$_} = $members{$_} for keys %members;
        } elsif ($key =~ /^l:(.*)$/) {
            my $label = _decoded($1);
            $labelled{$_}{$label} = 1
                for @{ $redis->ask('ZRANGE', $prefix . $key, 0, -1) };
        } elsif ($key =~ /^n:(.*)$/) {
            my $name = _decoded($1);
            $named{$_}{$name} = 1
                for @{ $redis->ask('ZRANGE', $prefix . $key, 0, -1) };
        } elsif ($key =~ /^s:(.*)$/) {
            $slugged{ $redis->ask('GET', $prefix . $key) }{ _decoded($1) } = 1;
        }
    }

    my $say = sub { push @wrong, "$prefix workspace $_[0]: $_[1]" };
    for my $id (keys %{ { %listed, %record, %belongs, %counted, %labelled,
                          %named, %slugged } }) {
        my $record = $record{$id} or do { $say->($id, 'no record'); next };
        $say->($id, 'not listed') unless $listed{$id};
        $say->($id, "no $_")
            for grep { !length($record->{$_} // '') } qw(name rev owner);
        my $members = $belongs{$id} || {};
        $say->($id, 'its owner is no member')
            unless exists $members->{ $record->{owner} };
        my %held;
        for my $membership (values %$members) {
            my (undef, $roles) = split / /, $membership, 2;
            $held{$_}++ for split /,/, $roles;
        }
        $say->($id, 'roles are held ' . _told(\%held) . ', counted '
                . _told($counted{$id} || {}))
            unless _told(\%held) eq _told($counted{$id} || {});
        my $labels = join ' ',
            sort @{ JSON::decode_json($record->{labels} || '[]') };
        $say->($id, 'its labels and the index differ')
            unless $labels eq join ' ', sort keys %{ $labelled{$id} };
    }

    for my $id (keys %record) {
        my %index = (name => $named{$id}, slug => $slugged{$id});
        for my $field (sort keys %index) {
            my $indexed = join ' ', sort keys %{ $index{$field} };
            my $is = $record{$id}{$field} // '';
            $say->($id, "its $field is $is, listed as $indexed")
                unless $indexed eq $is;
        }
    }

    # both ways: what users have, and what workspaces have
    my %has;
    for my $key (keys %$keys) {
        my ($user) = $key =~ /^u:(.*):w$/ or next;
        $has{$_}{ _decoded($user) } = 1
            for @{ $redis->ask('ZRANGE', $prefix . $key, 0, -1) };
    }
    for my $id (keys %{ { %has, %belongs } }) {
        my $there = join ' ', sort keys %{ $has{$id} };
        my $here = join ' ', sort keys %{ $belongs{$id} };
        $say->($id, "members $here, listed for $there")
            unless $here eq $there;
    }
    return @wrong;
}

1;
