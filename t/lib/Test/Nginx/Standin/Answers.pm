package Test::Nginx::Standin::Answers;

# Keeps every request that is not raw and its response, where TEST_NGINX_ANSWERS names a file
# for them: a line of JSON each, with the configuration that they met. What is
# no ASCII is escaped byte by byte, as a code point of Latin-1.

use strict;
use warnings;

use JSON::PP ();

use Test::Nginx::Standin::Settings;

my $json = JSON::PP->new->ascii->canonical;


sub keep {
    my ($block, $request, $response) = @_;
    my $name = $ENV{TEST_NGINX_ANSWERS} or return;
    return if $response->{code} eq '' || !defined $request;
    open my $file, '>>', $name or bail_out("$name: $!");
    print {$file} $json->encode({
        block   => $block->name,
        config  => section($block, 'config') // '',
        request => $request,
        status  => $response->{code} + 0,
        headers => $response->{headers},
        body    => $response->{body},
    }), "\n";
    close $file or bail_out("$name: $!");
}

1;
