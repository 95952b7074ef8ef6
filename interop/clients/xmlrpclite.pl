#!/usr/bin/env perl
# Publishes, edits, lists and deletes posts with Perl's XMLRPC::Lite (Debian: libxmlrpc-lite-perl), which guesses types:
# digits are sent as int whatever they mean, and what looks like a date as a date.
#
# Reads from the environment: QG_URL, QG_IMAGE (a PNG file), and either QG_PUBLIC and QG_SECRET (signed calls) or QG_USER
# and QG_PASSWORD. The last line is "ok" when everything was as it should be.
use strict;
use warnings;
use utf8;
use Digest::SHA qw(sha256_hex);
use Encode qw(encode_utf8 decode_utf8);
use LWP::UserAgent;
use SOAP::Lite;
use XMLRPC::Lite;

binmode STDERR, ':utf8';
my ($public, $secret) = ($ENV{QG_PUBLIC} // '', $ENV{QG_SECRET} // '');
my ($user, $password) = $public ne '' ? ('', '') : ($ENV{QG_USER}, $ENV{QG_PASSWORD});
my $server = XMLRPC::Lite->proxy($ENV{QG_URL});
$server->transport->proxy->add_handler(request_prepare => sub {
    my ($request) = @_;
    my $body = $request->content;
    $request->header(Authorization => $public . '||' . sha256_hex($secret . sha256_hex($secret . $body))) if $public ne '';
    return;
});

sub check {
    my ($what, $got, $want) = @_;
    die "$what: got " . ($got // 'nothing') . ", want $want\n" if ($got // '') ne $want;
}

sub text { SOAP::Data->type(string => encode_utf8($_[0])) }

# call returns the plain value of the answer, or the text "fault CODE".
sub call {
    my $answer = $server->call(@_);
    die 'no answer to ' . $_[0] . ': ' . $server->transport->status . "\n" unless ref $answer;
    return $answer->fault ? 'fault ' . $answer->faultcode : $answer->result;
}

check('greeting', call('demo.sayHello'), 'Hello!');
check('blogs', scalar @{ call('wp.getUsersBlogs', $user, $password) }, 1);

open my $file, '<:raw', $ENV{QG_IMAGE} or die "picture: $!\n";
my $picture = do { local $/; <$file> };
my $media = call('metaWeblog.newMediaObject', 1, $user, $password, { name => 'lite.png', type => 'image/png', bits => SOAP::Data->type(base64 => $picture) });
check('picture as fetched', LWP::UserAgent->new->get($media->{url})->content eq $picture ? 1 : 0, 1);

my $post = call('metaWeblog.newPost', 1, $user, $password,
    { title => 2024, description => text("Smörgås\n世界 🚀"), mt_keywords => text('Käse, 日本'), dateCreated => '20240229T13:14:15' }, 1);
my $got = call('metaWeblog.getPost', $post, $user, $password);
check('title', $got->{title}, '2024');
check('description', decode_utf8($got->{description}), "Smörgås\n世界 🚀");
check('date', $got->{dateCreated}, '20240229T13:14:15');
check('status', $got->{post_status}, 'publish');
check('edit', call('metaWeblog.editPost', $post, $user, $password, { title => text('Ändrad ✎'), description => text('kort') }, 1), 1);
my $recent = call('metaWeblog.getRecentPosts', 1, $user, $password, 50);
check('listed', join(',', map { decode_utf8($_->{title}) } grep { $_->{postid} == $post } @$recent), 'Ändrad ✎');
check('trash', call('metaWeblog.deletePost', '', $post, $user, $password, 1), 1);
check('delete', call('wp.deletePost', 1, $user, $password, $post), 1);
check('a deleted post', call('wp.deletePost', 1, $user, $password, $post), 'fault 404');
check('a wrong password', call('wp.getProfile', 1, $user, 'x' . $password), 'fault 403') if $public eq '';
print "ok\n";
