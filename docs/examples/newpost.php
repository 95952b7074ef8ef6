<?php // Publishes a post with a signed call and prints its id: php newpost.php TITLE TEXT
[$url, $public, $secret] = [getenv('BLOG_URL'), getenv('BLOG_PUBLIC'), getenv('BLOG_SECRET')];
$fail = fn ($words) => fwrite(STDERR, "$words\n") && exit(1);
if (!$url || !$public || !$secret || count($argv) < 3) {
    $fail('Set BLOG_URL, BLOG_PUBLIC and BLOG_SECRET, and give a title and a text.');
}
[, $title, $text] = array_map(fn ($s) => htmlspecialchars($s, ENT_XML1), $argv);

$body = <<<XML
<?xml version="1.0"?><methodCall><methodName>wp.newPost</methodName><params>
<param><value><int>1</int></value></param><param><value><string></string></value></param><param><value><string></string></value></param><param><value><struct>
<member><name>post_title</name><value><string>$title</string></value></member>
<member><name>post_content</name><value><string>$text</string></value></member>
<member><name>post_status</name><value><string>publish</string></value></member>
</struct></value></param></params></methodCall>
XML;

$digest = hash('sha256', $secret . hash('sha256', $secret . $body));
$answer = @file_get_contents($url, false, stream_context_create(['http' => [
    'method' => 'POST',
    'header' => ['Content-Type: text/xml', "Authorization: $public||$digest"],
    'content' => $body,
    'ignore_errors' => true, // a status other than 200 comes with a fault that says why
]]));
if (str_contains($answer, '<fault>') || !preg_match('~<string>(\d+)</string>~', $answer, $id)) {
    $fail("$url: " . (preg_match('~faultString</name>\s*<value><string>([^<]*)~', $answer, $m) ? $m[1] : error_get_last()['message'] ?? 'no answer of a blog'));
}
echo $id[1], "\n";
