<?php
// Publishes, reads and deletes a post with nothing but PHP's own streams, as many scripts of the time before libraries do.
//
// Reads from the environment: QG_URL, QG_USER and QG_PASSWORD. The last line is "ok" when everything was as it should be.
function call(string $method, string ...$values): SimpleXMLElement {
    $params = implode('', array_map(fn ($v) => "<param><value>$v</value></param>", $values));
    $answer = file_get_contents(getenv('QG_URL'), false, stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: text/xml',
        'content' => "<?xml version=\"1.0\"?>\n<methodCall><methodName>$method</methodName><params>$params</params></methodCall>",
    ]]));
    return new SimpleXMLElement($answer);
}

function check(string $what, mixed $got, mixed $want): void {
    if ($got !== $want) {
        fwrite(STDERR, "$what: got " . var_export($got, true) . ', want ' . var_export($want, true) . "\n");
        exit(1);
    }
}

function text(string $s): string {
    return '<string>' . htmlspecialchars($s, ENT_XML1) . '</string>';
}

$login = ['<int>1</int>', text(getenv('QG_USER')), text(getenv('QG_PASSWORD'))];
$title = 'Ångström, 世界 🚀 & <i>more</i>';
$post = (string) call('wp.newPost', ...[...$login, '<struct><member><name>post_title</name><value>' . text($title) .
    '</value></member><member><name>post_status</name><value>publish</value></member></struct>'])->params->param->value->string;
check('the id is a number', ctype_digit($post), true);
$got = call('wp.getPost', ...[...$login, text($post), '<array><data><value>post_title</value></data></array>']);
check('title', (string) $got->xpath('//member[name="post_title"]/value/string')[0], $title);
foreach (['trash', 'delete'] as $what) {
    check($what, (string) call('wp.deletePost', ...[...$login, text($post)])->params->param->value->boolean, '1');
}
check('a deleted post', (string) call('wp.deletePost', ...[...$login, text($post)])->xpath('//member[name="faultCode"]/value/int')[0], '404');
$login[2] = text(getenv('QG_PASSWORD') . 'x');
check('a wrong password', (string) call('wp.getProfile', ...$login)->xpath('//member[name="faultCode"]/value/int')[0], '403');
echo "ok\n";
