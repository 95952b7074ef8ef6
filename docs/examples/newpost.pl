# Publishes a post with a signed call and prints its id: perl newpost.pl TITLE TEXT
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;

my ($url, $public, $secret) = @ENV{qw(BLOG_URL BLOG_PUBLIC BLOG_SECRET)};
die "Set BLOG_URL, BLOG_PUBLIC and BLOG_SECRET, and give a title and a text.\n" unless $url && $public && $secret && @ARGV == 2;
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
my $answer = HTTP::Tiny->new->post($url, { headers => \%headers, content => $body });
die "$url: $1\n" if $answer->{content} =~ m{faultString</name>\s*<value><string>([^<]*)};
die "$url: $answer->{status} $answer->{reason} ", $answer->{content} =~ s/\s+/ /gr, "\n" if $answer->{content} !~ m{<string>(\d+)</string>};
print "$1\n";
