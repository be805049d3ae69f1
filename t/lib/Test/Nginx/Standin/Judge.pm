package Test::Nginx::Standin::Judge;

# Compares one response with the sections of its block.

use strict;
use warnings;

use Digest::MD5 ();
use Digest::SHA ();

use Test::Nginx::Standin::Settings;

my %FILTER = (
    uc       => sub { uc $_[0] },
    lc       => sub { lc $_[0] },
    ucfirst  => sub { ucfirst $_[0] },
    lcfirst  => sub { lcfirst $_[0] },
    length   => sub { length $_[0] },
    md5_hex  => sub { Digest::MD5::md5_hex($_[0]) },
    sha1_hex => sub { Digest::SHA::sha1_hex($_[0]) },
);


# which: { block, i, count, repeat, request }, i of count responses.
sub judge {
    my ($which, $response) = @_;
    check(0, $which, 'the chunked body is whole', $response->{broken})
        if defined $response->{broken};
    judge_code($which, $response);
    judge_raw_headers($which, $response);
    judge_headers($which, $response);
    judge_body($which, $response);
}


# What a section says of this response.
sub expected {
    my ($which, $name) = @_;
    my $value = section($which->{block}, $name);
    return undef if !defined $value;
    if (ref $value eq 'ARRAY') {
        @$value == $which->{count}
            or bail_out("--- $name: " . @$value . " entries for $which->{count} responses");
        return $value->[ $which->{i} ];
    }
    bail_out("--- $name: must be an array, one entry for each of the "
             . "$which->{count} responses") if $which->{count} > 1;
    return $value;
}


sub judge_code {
    my ($which, $response) = @_;
    my $like = expected($which, 'error_code_like');
    if (defined $like) {
        like($which, $response->{code}, regex($like, 'sm'), 'status code matches');
        return;
    }
    my $code = expected($which, 'error_code') // 200;
    $code =~ s/\A\s+|\s+\z//g;
    is($which, $response->{code}, $code, 'status code');
}


sub judge_raw_headers {
    my ($which, $response) = @_;
    my $like = expected($which, 'raw_response_headers_like');
    like($which, $response->{head}, regex($like, 's'), 'raw headers match')
        if defined $like;
    my $unlike = expected($which, 'raw_response_headers_unlike');
    unlike($which, $response->{head}, regex($unlike, 's'), 'raw headers do not match')
        if defined $unlike;
}


sub judge_headers {
    my ($which, $response) = @_;
    my $exact = expected($which, 'response_headers');
    my $text = expand_server_port($exact)
        // expected($which, 'response_headers_like') // return;
    for my $line (split /\r?\n/, $text) {
        next if $line !~ /\S/;
        if ($line =~ /\A\s*!\s*(\S+)\s*\z/) {
            check(!exists $response->{headers}{ lc $1 }, $which, "no header $1",
                  'but: ' . header($response, $1));
            next;
        }
        my ($name, $value) = $line =~ /\A\s*([^:\s]+)\s*:\s*(.*?)\s*\z/
            or bail_out("response_headers: '$line' is no 'Name: value' and no '! Name'");
        my $got = header($response, $name);
        if (defined $exact) {
            is($which, $got, $value, "header $name");
        }
        else {
            like($which, $got, qr/^$value$/, "header $name matches");
        }
    }
}


sub header {
    my ($response, $name) = @_;
    return join ', ', @{ $response->{headers}{ lc $name } || [] };
}


sub judge_body {
    my ($which, $response) = @_;
    my $body = filtered($which, $response->{body});
    my $exact = expected($which, 'response_body');
    if (defined $exact) {
        $exact = expand_env($exact)
            if ref section($which->{block}, 'response_body') ne 'ARRAY';
        Test::Nginx::Socket::is_str($body, expand_server_port($exact),
                                    describe($which, 'response_body'));
    }
    else {
        my $like = expected($which, 'response_body_like');
        like($which, $body, regex($like, 's'), 'response_body_like')
            if defined $like;
        my $unlike = expected($which, 'response_body_unlike');
        unlike($which, $body, regex($unlike, 's'), 'response_body_unlike')
            if defined $unlike;
    }
    $_->($which->{block}, $body, $which->{request}, $which->{repeat}, 0)
        for @{ $setting{body_checks} || [] };
}


sub filtered {
    my ($which, $body) = @_;
    my $filters = section($which->{block}, 'response_body_filters');
    return $body if !defined $filters;
    my @filters = ref $filters eq 'ARRAY' ? @$filters
        : ref $filters eq 'CODE' ? $filters : split ' ', $filters;
    for my $filter (@filters) {
        my $code = ref $filter eq 'CODE' ? $filter : $FILTER{$filter}
            or bail_out("--- response_body_filters: no filter called '$filter'");
        $body = $code->($body);
    }
    return $body;
}


# A qr keeps its own flags.
sub regex {
    my ($pattern, $flags) = @_;
    return $pattern if ref $pattern eq 'Regexp';
    my $regex = eval { qr/(?$flags)$pattern/ };
    defined $regex or bail_out("'$pattern' is no regex: $@");
    return $regex;
}


sub describe {
    my ($which, $what) = @_;
    my $text = "$setting{block_name} - $what";
    $text .= " (response $which->{i})" if $which->{count} > 1;
    $text .= " (repeat $which->{repeat})" if $which->{repeat};
    return $text;
}


sub check {
    my ($ok, $which, $what, $why) = @_;
    my $builder = Test::More->builder;
    $builder->ok($ok, describe($which, $what));
    $builder->diag($why) if !$ok;
}

sub is {
    my ($which, $got, $expected, $what) = @_;
    Test::More->builder->is_eq($got, $expected, describe($which, $what));
}

sub like {
    my ($which, $got, $regex, $what) = @_;
    Test::More->builder->like($got, $regex, describe($which, $what));
}

sub unlike {
    my ($which, $got, $regex, $what) = @_;
    Test::More->builder->unlike($got, $regex, describe($which, $what));
}

1;
