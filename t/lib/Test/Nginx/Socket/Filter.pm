package Test::Nginx::Socket::Filter;

# The filters of sections: those of Test::Base, but an expression that does not
# compile, or that dies, stops the run. Test::Base would take the error's text
# for the section's value, and a --- no_error_log eval would then always pass.

use strict;
use warnings;

our @ISA = ('Test::Base::Filter');

require Test::Base::Filter;


sub eval {
    my ($self, @text) = @_;
    my @value = $self->SUPER::eval(@text);
    die "an eval filter of '" . $self->current_block->name . "' failed: $@\n" if $@;
    return @value;
}

1;
