package Test::Nginx::Standin::Response;

# Cuts what a connection brought into HTTP responses. A response is
#   { code, head, headers => { lower-case name => [values] }, body,
#     broken => why a chunked body could not be decoded, or undef }
# head is the status line and the header lines, each with its CRLF.

use strict;
use warnings;

# Never has a body, whatever its headers say.
my %BODILESS = map { $_ => 1 } 101, 204, 304;


# One response for each method; those that did not come have code ''.
sub cut {
    my ($bytes, @methods) = @_;
    my @responses = map { take(\$bytes, $_) } @methods;
    warn "bytes left over after the last response: " . length($bytes) . "\n"
        if length $bytes;
    return @responses;
}


sub whole_body {
    my ($bytes) = @_;
    return { code => 200, head => '', headers => {}, body => $bytes };
}


sub take {
    my ($bytes, $method) = @_;
    my $response = { code => '', head => '', headers => {}, body => '' };
    return $response if $$bytes eq '';

    if ($$bytes !~ m{\AHTTP/\d+\.\d+ +(\d{3})\b}) {
        $response->{body} = $$bytes;
        $$bytes = '';
        return $response;
    }
    $response->{code} = $1;
    my $end = index $$bytes, "\r\n\r\n";
    if ($end < 0) {
        $response->{head} = $$bytes;
        $$bytes = '';
        parse_headers($response);
        return $response;
    }
    $response->{head} = substr $$bytes, 0, $end + 2;
    $$bytes = substr $$bytes, $end + 4;
    parse_headers($response);
    take_body($response, $bytes)
        unless $method eq 'HEAD' || $BODILESS{ $response->{code} };
    return $response;
}


sub parse_headers {
    my ($response) = @_;
    my (undef, @lines) = split /\r\n/, $response->{head};
    for my $line (@lines) {
        my ($name, $value) = $line =~ /\A([^:]+?)\s*:\s*(.*?)\s*\z/s or next;
        push @{ $response->{headers}{ lc $name } }, $value;
    }
}


sub take_body {
    my ($response, $bytes) = @_;
    my $headers = $response->{headers};
    if (join(', ', @{ $headers->{'transfer-encoding'} || [] }) eq 'chunked') {
        take_chunks($response, $bytes);
        return;
    }
    my $length = ($headers->{'content-length'} || [])->[0];
    $length = length $$bytes if !defined $length || $length !~ /\A\d+\z/;
    warn "a response of $length bytes ended after " . length($$bytes) . "\n"
        if $length > length $$bytes;
    $response->{body} = substr $$bytes, 0, $length;
    $$bytes = $length < length $$bytes ? substr $$bytes, $length : '';
}


sub take_chunks {
    my ($response, $bytes) = @_;
    pos($$bytes) = 0;
    while (1) {
        if ($$bytes !~ /\G([0-9a-fA-F]+)[ \t]*(?:;[^\r\n]*)?\r\n/gc) {
            $response->{broken} = 'no chunk size at byte ' . (pos($$bytes) // 0);
            last;
        }
        my $size = hex $1;
        if ($size == 0) {
            # Trailers, then the blank line.
            $$bytes =~ /\G(?:[^\r\n]+\r\n)*\r\n/gc
                or $response->{broken} = 'no end after the last chunk';
            last;
        }
        my $at = pos $$bytes;
        $response->{body} .= substr $$bytes, $at, $size;
        if (length($$bytes) < $at + $size + 2
            || substr($$bytes, $at + $size, 2) ne "\r\n")
        {
            $response->{broken} = "a chunk of $size bytes does not end as it must";
            last;
        }
        pos($$bytes) = $at + $size + 2;
    }
    # Nothing after a broken chunk can be told from it.
    $$bytes = defined $response->{broken} ? '' : substr $$bytes, pos $$bytes;
}

1;
