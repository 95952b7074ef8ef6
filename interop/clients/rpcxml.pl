#!/usr/bin/env perl
# Publishes, edits, lists and deletes posts with Perl's RPC::XML (Debian: librpc-xml-perl).
#
# Reads from the environment: QG_URL, QG_IMAGE (a PNG file), and either QG_PUBLIC and QG_SECRET (signed calls) or QG_USER
# and QG_PASSWORD. The last line is "ok" when everything was as it should be.
use strict;
use warnings;
use utf8;
use Digest::SHA qw(sha256_hex);
use Encode qw(encode_utf8 decode_utf8);
use LWP::UserAgent;
use RPC::XML;
use RPC::XML::Client;

$RPC::XML::ENCODING = 'utf-8';
$RPC::XML::FORCE_STRING_ENCODING = 0;
binmode STDERR, ':utf8';

my ($public, $secret) = ($ENV{QG_PUBLIC} // '', $ENV{QG_SECRET} // '');
my ($user, $password) = map { RPC::XML::string->new($_) } $public ne '' ? ('', '') : ($ENV{QG_USER}, $ENV{QG_PASSWORD});
my $server = RPC::XML::Client->new($ENV{QG_URL}, error_handler => sub { die "transport: $_[0]\n" });
$server->useragent->add_handler(request_prepare => sub {
    my ($request) = @_;
    my $body = $request->content;
    $request->header(Authorization => $public . '||' . sha256_hex($secret . sha256_hex($secret . $body))) if $public ne '';
    return;
});

sub check {
    my ($what, $got, $want) = @_;
    die "$what: got $got, want $want\n" if $got ne $want;
}

sub text { RPC::XML::string->new(encode_utf8($_[0])) }

# call returns the plain value of the answer, or the text "fault CODE".
sub call {
    my ($method, @args) = @_;
    my $answer = $server->send_request($method, @args);
    die "no answer to $method\n" unless ref $answer;
    return 'fault ' . $answer->value->{faultCode} if $answer->is_fault;
    return $answer->value;
}

check('greeting', call('demo.sayHello'), 'Hello!');
check('blogs', scalar @{ call('wp.getUsersBlogs', $user, $password) }, 1);

open my $file, '<:raw', $ENV{QG_IMAGE} or die "picture: $!\n";
my $picture = do { local $/; <$file> };
my $media = call('wp.uploadFile', 1, $user, $password,
    RPC::XML::struct->new(name => RPC::XML::string->new('perl.png'), type => RPC::XML::string->new('image/png'), bits => RPC::XML::base64->new($picture)));
check('picture as fetched', LWP::UserAgent->new->get($media->{url})->content eq $picture ? 1 : 0, 1);

my $title = 'Smörgås, 世界 🚀 & <i>more</i>';
my $post = call('wp.newPost', 1, $user, $password, RPC::XML::struct->new(
    post_title => text($title), post_content => text("Zeile\nline & <p>\"quoted\"</p>"), post_status => 'publish',
    post_date => RPC::XML::datetime_iso8601->new('20240229T13:14:15'), post_thumbnail => $media->{id},
    terms_names => RPC::XML::struct->new(post_tag => RPC::XML::array->new(text('Käse'), text('日本'))),
    custom_fields => RPC::XML::array->new(RPC::XML::struct->new(key => text('mood'), value => text('très content'))),
));
my $got = call('wp.getPost', 1, $user, $password, $post);
check('title', decode_utf8($got->{post_title}), $title);
check('date', $got->{post_date}, '20240229T13:14:15');
check('tags', join(',', sort map { decode_utf8($_->{name}) } grep { $_->{taxonomy} eq 'post_tag' } @{ $got->{terms} }), join(',', sort 'Käse', '日本'));
check('custom field', decode_utf8($got->{custom_fields}[0]{value}), 'très content');

check('edit', call('wp.editPost', 1, $user, $password, $post, RPC::XML::struct->new(post_title => text('Ändrad ✎'))), 1);
my $listed = call('wp.getPosts', 1, $user, $password, RPC::XML::struct->new(number => 5, s => text('Ändrad')));
check('listed', join(',', map { $_->{post_id} } @$listed), $post);
check('trash', call('wp.deletePost', 1, $user, $password, $post), 1);
check('delete', call('wp.deletePost', 1, $user, $password, $post), 1);
check('a deleted post', call('wp.deletePost', 1, $user, $password, $post), 'fault 404');
check('a wrong password', call('wp.getProfile', 1, $user, RPC::XML::string->new('x' . $ENV{QG_PASSWORD})), 'fault 403') if $public eq '';
print "ok\n";
