package options

type kind uint8

const (
	kindText      kind = iota
	kindTitle          // text that is stored with its HTML characters escaped
	kindFormat         // text without tags
	kindNumber         // a whole number, 0 or above
	kindFlag           // 0 or 1
	kindOffset         // hours east of GMT, with a fraction
	kindZone           // a name of the IANA database, or nothing
	kindStatus         // open or closed
	kindRole           // one of WordPress's roles
	kindNames          // JSON: a list of names
	kindTitles         // JSON: an object of names and titles
	kindNetworks       // networks with ports; see network.ParseDestinations
	kindWho            // nobody, users or anybody
	kindStructure      // the permalink structure, or empty
	kindCount          // how many posts: 1 to 100
	kindFront          // posts or page
	kindPage           // the id of a published page, 0 for none
	kindPicture        // the id of an uploaded picture, 0 for none
	kindLanguage       // a language tag of BCP 47, or empty for English
	kindAddress        // the address of the home page, or empty
	kindMail           // an e-mail address, or empty
	kindCategory       // the id of a category
	kindWord           // one of words
)

// entry is a row of the table of options: its type and its default.
type entry struct {
	kind  kind
	value string
}

// table has every option that this server reads. Names are those of
// wp.getOptions, otherwise those of WordPress's own table. Bundles may bring
// others, which are kept and exported again.
var table = map[string]entry{
	"blog_title":                    {kindTitle, "My blog"},
	"blog_tagline":                  {kindTitle, ""},
	Address:                         {kindAddress, ""},
	"gmt_offset":                    {kindOffset, "0"},
	"timezone_string":               {kindZone, ""},
	"date_format":                   {kindFormat, "F j, Y"},
	"time_format":                   {kindFormat, "g:i a"},
	"admin_email":                   {kindMail, ""},
	"users_can_register":            {kindFlag, "0"},
	"default_role":                  {kindRole, "subscriber"},
	"default_category":              {kindCategory, "1"},
	"default_post_format":           {kindWord, "0"},
	"default_comment_status":        {kindStatus, "open"},
	"default_ping_status":           {kindStatus, "open"},
	WhoMayComment:                   {kindWho, CommentersUsers},
	"comment_moderation":            {kindFlag, "0"},
	"comment_previously_approved":   {kindFlag, "1"},
	"comment_max_links":             {kindNumber, "2"},
	"comment_registration":          {kindFlag, "0"},
	"comments_notify":               {kindFlag, "1"},
	"moderation_notify":             {kindFlag, "1"},
	"moderation_keys":               {kindText, ""},
	"disallowed_keys":               {kindText, ""},
	"require_name_email":            {kindFlag, "1"},
	"thread_comments":               {kindFlag, "1"},
	"thread_comments_depth":         {kindNumber, "5"},
	"anonymous_comments":            {kindFlag, "0"},
	PostsPerPage:                    {kindCount, "10"},
	PostsPerFeed:                    {kindCount, "10"},
	ShowOnFront:                     {kindFront, FrontPosts},
	PageOnFront:                     {kindPage, "0"},
	PageForPosts:                    {kindPage, "0"},
	SiteIcon:                        {kindPicture, "0"},
	Language:                        {kindLanguage, ""},
	"pingback":                      {kindFlag, "0"}, // whether other sites may report that they link here
	"pingback_fault_codes":          {kindFlag, "0"}, // whether they learn why they are refused
	"pingback_networks":             {kindNetworks, ""},
	"pingback_send":                 {kindFlag, "0"}, // whether this blog notifies the pages that it links to
	"thumbnail_size_w":              {kindNumber, "150"},
	"thumbnail_size_h":              {kindNumber, "150"},
	"thumbnail_crop":                {kindFlag, "1"},
	"medium_size_w":                 {kindNumber, "300"},
	"medium_size_h":                 {kindNumber, "300"},
	"medium_large_size_w":           {kindNumber, "768"},
	"medium_large_size_h":           {kindNumber, "0"},
	"large_size_w":                  {kindNumber, "1024"},
	"large_size_h":                  {kindNumber, "1024"},
	"image_default_link_type":       {kindWord, "none"},
	"image_default_size":            {kindWord, ""},
	"image_default_align":           {kindWord, ""},
	"permalink_structure":           {kindStructure, ""},
	"blog_charset":                  {kindWord, "UTF-8"},
	"uploads_use_yearmonth_folders": {kindFlag, "1"},
	"blog_public":                   {kindFlag, "1"},
	"use_trackback":                 {kindFlag, "0"},
	"template":                      {kindText, "default"},
	"stylesheet":                    {kindText, "default"},
	"theme_supports":                {kindNames, `["post-thumbnails"]`},
	"page_templates":                {kindTitles, `{"default":"Default"}`},
}

// PostFormats are the post formats besides "standard", in WordPress's order.
var PostFormats = []string{"aside", "chat", "gallery", "link", "image", "quote", "status", "video", "audio"}

// words are the values of the options of kindWord, as WordPress has them.
var words = map[string][]string{
	"default_post_format":     append([]string{"0", "standard"}, PostFormats...),
	"image_default_link_type": {"none", "file", "post", ""},
	"image_default_size":      {"thumbnail", "medium", "medium_large", "large", "full", ""},
	"image_default_align":     {"none", "left", "center", "right", ""},
	"blog_charset":            {"UTF-8"},
}

// Known reports whether this server reads the option. Others come with
// bundles, and are kept.
func Known(name string) bool { _, known := table[name]; return known }
