# Publishes a post with a signed call and prints its id: perl newpost.pl TITLE TEXT
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;

my ($url, $public, $secret) = @ENV{qw(BLOG_URL BLOG_PUBLIC BLOG_SECRET)};
my %escape = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;');
my ($title, $text) = map { s/([&<>])/$escape{$1}/gr } @ARGV;

my $body = <<"XML";
<?xml version="1.0"?><methodCall><methodName>wp.newPost</methodName><params>
<param><value><int>1</int></value></param><param><value><string></string></value></param><param><value><string></string></value></param><param><value><struct>
<member><name>post_title</name><value><string>$title</string></value></member>
<member><name>post_content</name><value><string>$text</string></value></member>
<member><name>post_status</name><value><string>publish</string></value></member>
</struct></value></param></params></methodCall>
XML

my $digest = sha256_hex($secret . sha256_hex($secret . $body));
my %headers = ('Content-Type' => 'text/xml', Authorization => "$public||$digest");
my $answer = HTTP::Tiny->new->post($url, { headers => \%headers, content => $body })->{content};
die $answer if $answer =~ /<fault>/ or $answer !~ m{<string>(\d+)</string>};
print "$1\n";
