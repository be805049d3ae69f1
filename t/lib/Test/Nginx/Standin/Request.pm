package Test::Nginx::Standin::Request;

# From the sections of a block to bytes: --- raw_request, --- pipelined_requests,
# --- request and --- more_headers become conversations, one for each connection:
#   { packets => [[delay, bytes], ...],   what to send, and the pause before it
#     methods => ['GET', ...],            one for each response to expect,
#     requests => [bytes, ...] }          and what it answers, unless raw

use strict;
use warnings;

use Test::Nginx::Standin::Settings;


sub conversations {
    my ($block) = @_;
    return raw($block) if defined section($block, 'raw_request');
    return pipelined($block) if defined section($block, 'pipelined_requests');
    return plain($block) if defined section($block, 'request');
    bail_out('no --- request, --- raw_request or --- pipelined_requests');
}


sub raw {
    my ($block) = @_;
    my $value = section($block, 'raw_request');
    my @pieces = ref $value eq 'ARRAY' ? @$value : $value;
    my $pause = section($block, 'raw_request_middle_delay');
    $pause = defined $pause ? seconds($pause) : 0;
    my @packets = map { [$_ ? $pause : 0, $pieces[$_]] } 0 .. $#pieces;
    my ($method) = join('', @pieces) =~ /\A\s*(\S+)/;
    return { packets => \@packets, methods => [$method // ''], requests => [] };
}


sub pipelined {
    my ($block) = @_;
    my $value = section($block, 'pipelined_requests');
    ref $value eq 'ARRAY' or bail_out('--- pipelined_requests wants an array');
    my @built = map {
        build(expand_env($value->[$_]), more_headers($block, $_, scalar @$value),
              $_ == $#$value ? 'close' : 'keep-alive')
    } 0 .. $#$value;
    return {
        packets => [[0, join '', map { $_->{head} . $_->{body} } @built]],
        methods => [map { $_->{method} } @built],
        requests => [map { $_->{head} . $_->{body} } @built],
    };
}


sub plain {
    my ($block) = @_;
    my $value = section($block, 'request');
    my @requests = ref $value eq 'ARRAY' ? @$value : $value;
    return map {
        one_connection($requests[$_], more_headers($block, $_, scalar @requests))
    } 0 .. $#requests;
}


sub one_connection {
    my ($request, $headers) = @_;
    my @pieces = map { ref $_ eq 'HASH' ? $_ : { value => $_ } }
        ref $request eq 'ARRAY' ? @$request : $request;
    my $built = build(join('', map { $_->{value} } @pieces), $headers, 'close');
    my $bytes = $built->{head} . $built->{body};

    # Where a piece of the written request ends in the bytes of the real one.
    my ($written, $sent, @packets) = (0, 0);
    for my $i (0 .. $#pieces) {
        $written += length $pieces[$i]{value};
        my $end = $i == $#pieces ? length $bytes : $built->{offset}->($written);
        $end = $sent if $end < $sent;
        my $delay = $pieces[$i]{delay_before};
        push @packets, [defined $delay ? seconds($delay) : 0,
                        substr $bytes, $sent, $end - $sent];
        $sent = $end;
    }
    return { packets => \@packets, methods => [$built->{method}],
             requests => [$bytes] };
}


# more_headers for request $i of $count.
sub more_headers {
    my ($block, $i, $count) = @_;
    my $value = section($block, 'more_headers');
    if (ref $value eq 'ARRAY') {
        @$value == $count
            or bail_out('--- more_headers: ' . @$value . " entries for $count requests");
        $value = $value->[$i];
    }
    my $headers = '';
    for my $line (split /\r?\n/, $value // '') {
        next if $line =~ /\A\s*(?:#|\z)/;
        $line =~ s/\A([^:]*):\s*/$1: /;
        $headers .= "$line\r\n";
    }
    return $headers;
}


# head and body as they are sent; offset maps a position in the text to one in
# head . body.
sub build {
    my ($text, $headers, $connection) = @_;
    defined $text && !ref $text or bail_out('a request is no string');
    my ($skipped) = $text =~ /\A((?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*)/;
    my ($line, $newline, $body) =
        substr($text, length $skipped) =~ /\A([^\n]*)(\n?)(.*)\z/s;
    my ($method, $uri, $version) = $line =~ /\A(\S+)(?:\s+(\S+)(?:\s+(\S+))?)?\s*\z/
        or bail_out("'$line' is no request line (METHOD [URI [VERSION]])");
    $uri     //= '/';
    $version //= 'HTTP/1.1';

    my $body_start = length($skipped) + length($line) + length $newline;
    my $own_framing = $headers =~ /^Content-Length:/mi
        || $headers =~ /^Transfer-Encoding:\s*chunked\b/mi;
    if (!$own_framing) {
        $body =~ s/\A(\s+)// and $body_start += length $1;
        $body =~ s/\s+\z//;
    }

    my $first = "$method $uri $version\r\n";
    my $head = $first;
    $head .= "Host: $setting{server_name}\r\n" if $headers !~ /^Host:/mi;
    $head .= "Connection: $connection\r\n" if $headers !~ /^Connection:/mi;
    $head .= $headers;
    $head .= 'Content-Length: ' . length($body) . "\r\n"
        if $body ne '' && !$own_framing;
    $head .= "\r\n";

    my $offset = sub {
        my ($at) = @_;
        return least($at - $body_start, length $body) + length $head
            if $at >= $body_start;
        my $in_line = $at - length $skipped;
        return $in_line < 0 ? 0 : least($in_line, length($first) - 2);
    };
    return { method => $method, head => $head, body => $body, offset => $offset };
}


sub least { $_[0] < $_[1] ? $_[0] : $_[1] }

1;
