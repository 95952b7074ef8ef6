;;; publish.el --- publishes with xml-rpc.el  -*- lexical-binding: t; coding: utf-8 -*-

;; Publishes, edits, lists and deletes posts with Emacs's xml-rpc.el (Debian: elpa-xml-rpc), on which org2blog is built.
;;
;; Reads from the environment: QG_URL, QG_IMAGE (a PNG file), and either QG_PUBLIC and QG_SECRET (signed calls) or
;; QG_USER and QG_PASSWORD.  The last line is "ok" when everything was as it should be.

;;; Code:

(package-initialize)
(require 'url)
(require 'xml-rpc)

(setq xml-rpc-allow-unicode-string t)
(defconst public (getenv "QG_PUBLIC"))
(defconst secret (getenv "QG_SECRET"))
(defconst user (if public "" (getenv "QG_USER")))
(defconst password (if public "" (getenv "QG_PASSWORD")))

(defun sign (&rest _)
  "Sign the body that is about to be sent."
  (when (and public (equal url-request-method "POST"))
    (push (cons "Authorization"
                ;; A multibyte header would make the whole request multibyte, which url.el refuses.
                (encode-coding-string
                 (concat public "||" (secure-hash 'sha256 (concat secret (secure-hash 'sha256 (concat secret url-request-data)))))
                 'us-ascii))
          url-request-extra-headers)))
(advice-add 'url-retrieve-synchronously :before #'sign)

(defun check (what got want)
  "Fail unless GOT is WANT; WHAT says what they are."
  (unless (equal got want)
    (message "%s: got %S, want %S" what got want)
    (kill-emacs 1)))

(defun call (method &rest arguments)
  "Call METHOD with ARGUMENTS and return its result, or the code of its fault."
  (condition-case err
      (apply #'xml-rpc-method-call (getenv "QG_URL") method arguments)
    (error (if (string-prefix-p "XML-RPC fault" (error-message-string err))
               (list 'fault xml-rpc-fault-code)
             (signal (car err) (cdr err))))))

(defun file (name)
  "The bytes of the file called NAME."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert-file-contents-literally name)
    (buffer-string)))

(defun fetch (url)
  "The bytes that URL names."
  (with-current-buffer (url-retrieve-synchronously url t)
    (set-buffer-multibyte nil)
    (goto-char (point-min))
    (search-forward "\n\n")
    (prog1 (buffer-substring (point) (point-max))
      (kill-buffer))))

(defun member-of (name struct)
  "The member called NAME of STRUCT."
  (cdr (assoc name struct)))

(check "greeting" (call 'demo.sayHello) "Hello!")
(check "blogs" (length (call 'wp.getUsersBlogs user password)) 1)

(let* ((picture (file (getenv "QG_IMAGE")))
       (media (call 'metaWeblog.newMediaObject 1 user password
                    `(("name" . "emacs.png") ("type" . "image/png") ("bits" . (:base64 ,picture)) ("overwrite" . "t"))))
       (title "Smörgås, 世界 🚀 & <i>more</i>")
       (post (call 'metaWeblog.newPost 1 user password
                   `(("title" . ,title)
                     ("description" . "Zeile\nline & <p>\"quoted\"</p>")
                     ("mt_keywords" . ("Käse" "日本"))
                     ("categories" . ("News"))
                     ("wp_post_thumbnail" . ,(member-of "id" media))
                     ("dateCreated" . (:datetime ,(encode-time 15 14 13 29 2 2024))))
                   t))
       (got (call 'metaWeblog.getPost post user password)))
  (check "picture as fetched" (equal (fetch (member-of "url" media)) picture) t)
  (check "type of the id" (stringp post) t)
  (check "title" (member-of "title" got) title)
  (check "tags" (sort (split-string (member-of "mt_keywords" got) ", ") #'string<) (sort (list "Käse" "日本") #'string<))
  (check "category" (member-of "categories" got) '("News"))
  (check "date" (xml-rpc-datetime-to-string (member-of "dateCreated" got))
         (xml-rpc-datetime-to-string (list :datetime (encode-time 15 14 13 29 2 2024))))
  (check "edit" (call 'metaWeblog.editPost post user password '(("title" . "Ändrad ✎") ("description" . "kort")) t) t)
  (check "listed" (mapcar (lambda (p) (member-of "title" p))
                          (seq-filter (lambda (p) (equal (member-of "postid" p) post))
                                      (call 'metaWeblog.getRecentPosts 1 user password 50)))
         '("Ändrad ✎"))
  (check "trash" (call 'metaWeblog.deletePost "" post user password t) t)
  (check "delete" (call 'metaWeblog.deletePost "" post user password t) t)
  (check "a deleted post" (call 'metaWeblog.deletePost "" post user password t) '(fault 404)))
(unless public
  (check "a wrong password" (call 'wp.getProfile 1 user (concat password "x")) '(fault 403)))
(princ "ok\n")

;;; publish.el ends here
