# Publishes a post with a signed call and prints its id: ruby newpost.rb TITLE TEXT
require "cgi"
require "digest"
require "net/http"

url, public_key, secret = ENV.values_at("BLOG_URL", "BLOG_PUBLIC", "BLOG_SECRET")
abort "Set BLOG_URL, BLOG_PUBLIC and BLOG_SECRET, and give a title and a text." unless url && public_key && secret && ARGV.size == 2
title, text = ARGV.map { |s| CGI.escapeHTML(s) }

body = <<~XML
  <?xml version="1.0"?><methodCall><methodName>wp.newPost</methodName><params>
  <param><value><int>1</int></value></param><param><value><string></string></value></param><param><value><string></string></value></param><param><value><struct>
  <member><name>post_title</name><value><string>#{title}</string></value></member>
  <member><name>post_content</name><value><string>#{text}</string></value></member>
  <member><name>post_status</name><value><string>publish</string></value></member>
  </struct></value></param></params></methodCall>
XML

digest = Digest::SHA256.hexdigest(secret + Digest::SHA256.hexdigest(secret + body))
begin
  answer = Net::HTTP.post(URI(url), body, "Content-Type" => "text/xml", "Authorization" => "#{public_key}||#{digest}").body
rescue StandardError => e
  abort "#{url}: #{e.message}"
end
id = answer[%r{<string>(\d+)</string>}, 1] unless answer.include?("<fault>")
abort "#{url}: #{answer[%r{faultString</name>\s*<value><string>([^<]*)}, 1] || "no answer of a blog"}" unless id
puts id
