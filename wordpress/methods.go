package wordpress

//go:generate go test -run ^TestReference$ -update .

// methods is the table of everything that WordPress registers, and of what this server adds to it. A new method is
// one row here and one function in the file of its noun.
var methods = []method{
	// wp_users.go
	{name: "wp.getUsersBlogs", shape: "user:string password:string → array", login: 0, min: 2, help: "The blogs that the caller may write to.", do: (*API).getUsersBlogs},
	{name: "wp.getUser", shape: "blog:int user:string password:string user_id:int [fields:array → struct", login: 1, min: 4, scope: toRead, help: "One user.", do: (*API).getUser},
	{name: "wp.getUsers", shape: "blog:int user:string password:string [filter:struct [fields:array → array", login: 1, min: 3, scope: toRead, help: "Users, filtered.", do: (*API).getUsers},
	{name: "wp.getProfile", shape: "blog:int user:string password:string [fields:array → struct", login: 1, min: 3, scope: toRead, help: "The caller's own profile.", do: (*API).getProfile},
	{name: "wp.editProfile", shape: "blog:int user:string password:string content:struct → boolean", login: 1, min: 4, scope: toEditProfile, help: "Changes the caller's own profile.", do: (*API).editProfile},
	{name: "wp.getAuthors", shape: "blog:int user:string password:string → array", login: 1, scope: toRead, help: "The users who may write posts.", do: (*API).getAuthors},
	// wp_posts.go
	{name: "wp.newPost", shape: "blog:int user:string password:string content:struct → string", login: 1, min: 4, scope: toWrite, help: "Creates a post of any type; the result is its id.", do: (*API).newPost},
	{name: "wp.editPost", shape: "blog:int user:string password:string post_id:int content:struct → boolean", login: 1, min: 5, scope: toWrite, help: "Changes the given members of a post.", do: (*API).editPost},
	{name: "wp.deletePost", shape: "blog:int user:string password:string post_id:int → boolean", login: 1, min: 4, scope: toWrite, help: "Moves a post to the trash, or deletes it when it is there.", do: (*API).deletePost},
	{name: "wp.getPost", shape: "blog:int user:string password:string post_id:int [fields:array → struct", login: 1, min: 4, scope: toRead, help: "One post.", do: (*API).getPost},
	{name: "wp.getPosts", shape: "blog:int user:string password:string [filter:struct [fields:array → array", login: 1, min: 3, scope: toRead, help: "Posts, filtered.", do: (*API).getPosts},
	{name: "wp.getRevisions", shape: "blog:int user:string password:string post_id:int [fields:array → array", login: 1, min: 4, scope: toRead, help: "The revisions of a post.", do: (*API).getRevisions},
	{name: "wp.restoreRevision", shape: "blog:int user:string password:string revision_id:int → boolean", login: 1, min: 3, scope: toWrite, help: "Brings a post back to a revision.", do: (*API).restoreRevision},
	{name: "wp.getPostFormats", shape: "blog:int user:string password:string [filter:struct → struct", login: 1, min: 3, scope: toRead, help: "The post formats and their names.", do: (*API).getPostFormats},
	{name: "wp.getPostType", shape: "blog:int user:string password:string post_type:string [fields:array → struct", login: 1, min: 4, scope: toRead, help: "One post type.", do: (*API).getPostType},
	{name: "wp.getPostTypes", shape: "blog:int user:string password:string [filter:struct [fields:array → struct", login: 1, min: 3, scope: toRead, help: "The post types, filtered.", do: (*API).getPostTypes},
	{name: "wp.getPostStatusList", shape: "blog:int user:string password:string → struct", login: 1, scope: toRead, help: "The statuses a post may have.", do: (*API).getPostStatusList},
	// wp_terms.go
	{name: "wp.newTerm", shape: "blog:int user:string password:string content:struct → string", login: 1, min: 4, scope: toPublish, help: "Creates a term; the result is its id.", do: (*API).newTerm},
	{name: "wp.editTerm", shape: "blog:int user:string password:string term_id:int content:struct → boolean", login: 1, min: 5, scope: toPublish, help: "Changes a term.", do: (*API).editTerm},
	{name: "wp.deleteTerm", shape: "blog:int user:string password:string taxonomy:string term_id:int → boolean", login: 1, min: 5, scope: toPublish, help: "Deletes a term.", do: (*API).deleteTerm},
	{name: "wp.getTerm", shape: "blog:int user:string password:string taxonomy:string term_id:int → struct", login: 1, min: 5, scope: toRead, help: "One term.", do: (*API).getTerm},
	{name: "wp.getTerms", shape: "blog:int user:string password:string taxonomy:string [filter:struct → array", login: 1, min: 4, scope: toRead, help: "The terms of a taxonomy, filtered.", do: (*API).getTerms},
	{name: "wp.getTaxonomy", shape: "blog:int user:string password:string taxonomy:string [fields:array → struct", login: 1, min: 4, scope: toRead, help: "One taxonomy.", do: (*API).getTaxonomy},
	{name: "wp.getTaxonomies", shape: "blog:int user:string password:string [filter:struct [fields:array → array", login: 1, min: 3, scope: toRead, help: "The taxonomies.", do: (*API).getTaxonomies},
	{name: "wp.getTags", shape: "blog:int user:string password:string → array", login: 1, scope: toRead, help: "The tags that posts use.", do: (*API).getTags},
	{name: "wp.newCategory", shape: "blog:int user:string password:string content:struct → int", login: 1, scope: toPublish, help: "Creates a category; the result is its id.", do: (*API).newCategory},
	{name: "wp.deleteCategory", shape: "blog:int user:string password:string category_id:int → boolean", login: 1, scope: toPublish, help: "Deletes a category.", do: (*API).deleteCategory},
	{name: "wp.suggestCategories", shape: "blog:int user:string password:string text:string number:int → array", login: 1, scope: toRead, help: "Categories with the given text in their names.", do: (*API).suggestCategories},
	// wp_pages.go
	{name: "wp.getPage", shape: "blog:int page_id:int user:string password:string → struct", login: 2, scope: toRead, help: "One page.", do: (*API).getPage},
	{name: "wp.getPages", shape: "blog:int user:string password:string [number:int → array", login: 1, scope: toRead, help: "The newest pages.", do: (*API).getPages},
	{name: "wp.newPage", shape: "blog:int user:string password:string content:struct [publish:boolean → string", login: 1, scope: toWrite, help: "Creates a page; the result is its id.", do: (*API).newPage},
	{name: "wp.editPage", shape: "blog:int page_id:int user:string password:string content:struct [publish:boolean → boolean", login: 2, scope: toWrite, help: "Changes a page.", do: (*API).editPage},
	{name: "wp.deletePage", shape: "blog:int user:string password:string page_id:int → boolean", login: 1, scope: toWrite, help: "Deletes a page.", do: (*API).deletePage},
	{name: "wp.getPageList", shape: "blog:int user:string password:string → array", login: 1, scope: toRead, help: "All pages with title, parent and date.", do: (*API).getPageList},
	{name: "wp.getPageStatusList", shape: "blog:int user:string password:string → struct", login: 1, scope: toRead, help: "The statuses a page may have.", do: (*API).getPageStatusList},
	{name: "wp.getPageTemplates", shape: "blog:int user:string password:string → struct", login: 1, scope: toRead, help: "The page templates of the theme.", do: (*API).getPageTemplates},
	// wp_comments.go
	{name: "wp.getComment", shape: "blog:int user:string password:string comment_id:int → struct", login: 1, scope: toRead, help: "One comment.", do: (*API).getComment},
	{name: "wp.getComments", shape: "blog:int user:string password:string [filter:struct → array", login: 1, scope: toRead, help: "Comments, filtered.", do: (*API).getComments},
	{name: "wp.deleteComment", shape: "blog:int user:string password:string comment_id:int → boolean", login: 1, scope: toComment, help: "Moves a comment to the trash, or deletes it when it is there.", do: (*API).deleteComment},
	{name: "wp.editComment", shape: "blog:int user:string password:string comment_id:int content:struct → boolean", login: 1, scope: toComment, help: "Changes a comment.", do: (*API).editComment},
	{name: "wp.newComment", shape: "blog:int user:string password:string post_id:int content:struct → int", login: 1, mode: loginOptional, scope: toComment, help: "Adds a comment to a post; the result is its id.", from: (*API).newComment},
	{name: "wp.getCommentStatusList", shape: "blog:int user:string password:string → struct", login: 1, scope: toRead, help: "The statuses a comment may have.", do: (*API).getCommentStatusList},
	{name: "wp.getCommentCount", shape: "blog:int user:string password:string post_id:int → struct", login: 1, scope: toRead, help: "The numbers of a post's comments by status.", do: (*API).getCommentCount},
	// wp_options.go
	{name: "wp.getOptions", shape: "blog:int user:string password:string [names:array → struct", login: 1, scope: toRead, help: "Site options with value, description and whether the caller may change them.", do: (*API).getOptions},
	{name: "wp.setOptions", shape: "blog:int user:string password:string options:struct → struct", login: 1, scope: toSetOptions, help: "Changes site options; the result shows those that were named.", do: (*API).setOptions},
	// wp_media.go
	{name: "wp.getMediaItem", shape: "blog:int user:string password:string attachment_id:int → struct", login: 1, scope: toRead, help: "One uploaded file.", do: (*API).getMediaItem},
	{name: "wp.getMediaLibrary", shape: "blog:int user:string password:string [filter:struct → array", login: 1, scope: toRead, help: "Uploaded files, filtered.", do: (*API).getMediaLibrary},
	{name: "wp.deleteFile", shape: "blog:int user:string password:string attachment_id:int → boolean", login: 1, min: 4, scope: toMedia, help: "Deletes an uploaded file.", do: (*API).deleteFile},
	{name: "metaWeblog.newMediaObject", aliases: []string{"wp.uploadFile"}, shape: "blog:int user:string password:string file:struct → struct", login: 1, scope: toMedia, help: "Stores a file; the result has its id and URL.", do: (*API).newMediaObject},
	// blogger.go
	{name: "blogger.getUsersBlogs", aliases: []string{"metaWeblog.getUsersBlogs"}, shape: "app_key:string user:string password:string → array", login: 1, help: "The blogs that the caller may write to.", do: (*API).bloggerGetUsersBlogs},
	{name: "blogger.getUserInfo", shape: "app_key:string user:string password:string → struct", login: 1, scope: toRead, help: "Names and addresses of the caller.", do: (*API).bloggerGetUserInfo},
	{name: "blogger.getPost", shape: "app_key:string post_id:string user:string password:string → struct", login: 2, scope: toRead, help: "One post, its parts in one text.", do: (*API).bloggerGetPost},
	{name: "blogger.getRecentPosts", shape: "app_key:string blog:string user:string password:string [number:int → array", login: 2, scope: toRead, help: "The newest posts.", do: (*API).bloggerGetRecentPosts},
	{name: "blogger.newPost", shape: "app_key:string blog:string user:string password:string text:string publish:boolean → int", login: 2, scope: toWrite, help: "Creates a post out of one text; the result is its id.", do: (*API).bloggerNewPost},
	{name: "blogger.editPost", shape: "app_key:string post_id:string user:string password:string text:string publish:boolean → boolean", login: 2, scope: toWrite, help: "Changes the text of a post.", do: (*API).bloggerEditPost},
	{name: "blogger.deletePost", aliases: []string{"metaWeblog.deletePost"}, shape: "app_key:string post_id:string user:string password:string [publish:boolean → boolean", login: 2, scope: toWrite, help: "Moves a post to the trash, or deletes it when it is there.", do: (*API).bloggerDeletePost},
	// metaweblog.go
	{name: "metaWeblog.newPost", shape: "blog:string user:string password:string content:struct [publish:boolean → string", login: 1, scope: toWrite, help: "Creates a post; the result is its id.", do: (*API).metaWeblogNewPost},
	{name: "metaWeblog.editPost", shape: "post_id:string user:string password:string content:struct [publish:boolean → boolean", login: 1, scope: toWrite, help: "Changes a post.", do: (*API).metaWeblogEditPost},
	{name: "metaWeblog.getPost", shape: "post_id:string user:string password:string → struct", login: 1, scope: toRead, help: "One post.", do: (*API).metaWeblogGetPost},
	{name: "metaWeblog.getRecentPosts", shape: "blog:string user:string password:string [number:int → array", login: 1, scope: toRead, help: "The newest posts.", do: (*API).metaWeblogGetRecentPosts},
	{name: "metaWeblog.getCategories", aliases: []string{"wp.getCategories"}, shape: "blog:string user:string password:string → array", login: 1, scope: toRead, help: "All categories.", do: (*API).metaWeblogGetCategories},
	// movabletype.go
	{name: "mt.getRecentPostTitles", shape: "blog:string user:string password:string [number:int → array", login: 1, scope: toRead, help: "The newest posts without their texts.", do: (*API).mtGetRecentPostTitles},
	{name: "mt.getCategoryList", shape: "blog:string user:string password:string → array", login: 1, scope: toRead, help: "All categories, ids and names.", do: (*API).mtGetCategoryList},
	{name: "mt.getPostCategories", shape: "post_id:string user:string password:string → array", login: 1, scope: toRead, help: "The categories of a post.", do: (*API).mtGetPostCategories},
	{name: "mt.setPostCategories", shape: "post_id:string user:string password:string categories:array → boolean", login: 1, scope: toWrite, help: "Replaces the categories of a post.", do: (*API).mtSetPostCategories},
	{name: "mt.publishPost", shape: "post_id:string user:string password:string → int", login: 1, scope: toPublish, help: "Publishes a post.", do: (*API).mtPublishPost},
	{name: "mt.supportedMethods", shape: "→ array", login: noLogin, help: "The names of all methods.", do: (*API).mtSupportedMethods},
	{name: "mt.supportedTextFilters", shape: "→ array", login: noLogin, help: "The text filters; there are none.", do: (*API).mtSupportedTextFilters},
	{name: "mt.getTrackbackPings", shape: "post_id:string → array", login: noLogin, help: "The pingbacks and trackbacks of a post.", do: (*API).mtGetTrackbackPings},
	// pingback.go
	{name: "pingback.ping", shape: "source_url:string target_url:string → string", login: noLogin, help: "Tells this blog of a page that links to one of its posts.", from: (*API).pingbackPing},
	{name: "pingback.extensions.getPingbacks", shape: "url:string → array", login: noLogin, help: "The pages that link to a post.", do: (*API).pingbackGetPingbacks},
	// applications.go
	{name: "xmlrpcs.createApplication", shape: "blog:int user:string password:string name:string [settings:struct → struct", login: 1, min: 4, mode: loginPassword, help: "Makes an application key; the secret is answered this once. The settings are scope, methods, networks, strict and expires (a date or a number of days); code is the current one of the account's second factor, if it has one.", do: (*API).createApplication},
	{name: "xmlrpcs.introspect", shape: "[user:string [password:string → struct", login: 0, help: "What the caller's own key or token is called, may do and when it ends, whom it belongs to, and the server's time.", do: (*API).introspect},
	{name: "xmlrpcs.rotate", shape: "[overlap_hours:int [algorithm:string [verification_key:string → struct", login: noLogin, mode: loginKey, help: "Makes the pair that takes over from the key that signs. Both work for the overlap, 24 hours unless it is given, 720 at most; with 0 the old pair ends at once. A key without a secret sends the verification key that takes over.", ask: (*API).rotate},
	{name: "xmlrpcs.revoke", shape: "→ boolean", login: noLogin, mode: loginKey, help: "Ends the key that signs.", do: (*API).revoke},
	{name: "xmlrpcs.enrol", shape: "code:string name:string algorithm:string verification_key:string → struct", login: noLogin, min: 4, mode: loginCode, help: "Makes a key without a secret out of a public key in PEM, for whoever has the one-time code of an open enrolment.", ask: (*API).enrol},
}
